// A kernel's row, and what can be asked of a set of them.

extension PolicyAPI {
  static let kernel = Class(
    name: "fleet.Kernel", doc: "A kernel, as it is now.",
    fields: fields([
      ("id", "string", "Such as `kernel-1a2b3c4d`: what `{use = …}` takes."),
      ("uuid", "string", "The whole identity."),
      ("serial", "integer", "Counts kernels as they were spawned."),
      ("name", "string?", "As its user called it."),
      ("language", "string", "Such as `lua` or `python`."),
      ("kernelspec", "string", "What starts it, such as `python3`."),
      ("config", "string?", "The config's file name, such as `openai.toml`."),
      ("provider", "string?", "Of its language model."),
      ("model", "string?", "Its language model."),
      ("memory_limit", "integer?", "Bytes; nil without a limit."),
      ("port", "integer", "The base port."),
      ("owner", "string", "Empty if it is nobody's."),
      ("pool", "string?", "The pool that it belongs to."),
      ("status", "fleet.Status", "What it does."),
      ("clients", "integer", "Connected, or promised the kernel within the last five seconds."),
      ("restarts", "integer", "How often it was started again."),
      ("labels", "table<string, string>", "Perhaps empty."),
      ("sessions", "string[]", "Session keys of its clients; perhaps empty."),
      ("connections", "integer", "Established connections to its shell port."),
      ("ready_at", "number?", "When the present process first answered, on `now()`'s clock."),
      ("idle_since", "number?", "Since when it runs nothing, on `now()`'s clock; nil while it is busy."),
      ("crashes", "integer", "Within the last 60 s."),
      ("memory", "integer?", "Resident bytes, as last measured."),
      ("cpu", "number?", "Per cent of one core, as last measured."),
      ("threads", "integer?", "As last measured."),
      ("latency", "number?", "Seconds that its executions take: a peak-sensitive moving average."),
    ]), isReadOnly: true)

  /// Fields of a kernel that are numbers.
  public static var numberFields: [String] {
    kernel.fields.filter { ["integer", "integer?", "number", "number?"].contains($0.type) }.map(\.name)
  }

  static let kernels = Class(
    name: "fleet.Kernels",
    doc: "A set of kernels, the oldest first. `#set` counts them. `fleet` is the set of all, dead ones included.",
    methods: [
      Function(
        "match", [("request", "fleet.RouteRequest|table")], ["fleet.Kernels"],
        "Of the fleet: those that can serve a request. If its session has one of them already, only that one."),
      Function(
        "where", [("values", "table")], ["fleet.Kernels"],
        "Those that have exactly these values: `set:where{language = \"lua\", clients = 0}`."),
      Function("pool", [("name", "string")], ["fleet.Kernels"], "Those of a pool."),
      Function("first", [], ["fleet.Kernel?"], "The oldest; nil if the set is empty."),
      Function(
        "least", [("field", "fleet.NumberField")], ["fleet.Kernel?"],
        "The kernel with the smallest number there, the oldest of equals; nil if the set is empty."),
      Function(
        "most", [("field", "fleet.NumberField")], ["fleet.Kernel?"],
        "The kernel with the largest number there, the oldest of equals; nil if the set is empty."),
      Function("random", [], ["fleet.Kernel?"], "One at random, by the decision's seed; nil if the set is empty."),
      Function(
        "two_choices", [("field", "fleet.NumberField")], ["fleet.Kernel?"],
        "Of two at random the one with less (power of two choices); nil if the set is empty."),
      Function(
        "ring", [("key", "string"), ("options?", "{load: number}")], ["fleet.Kernel?"],
        "Consistent hashing: the same key finds the same kernel while it is there. `{load = 1.25}` bounds its clients by "
          + "so many times the average. Nil if the set is empty."),
      Function(
        "ewma", [], ["fleet.Kernel?"],
        "The smallest latency × (clients + 1) (peak EWMA); nil if the set is empty."),
      Function("count", [], ["integer"], "How many."),
      Function("each", [], ["fun(): fleet.Kernel?"], "Iterates: `for kernel in set:each() do`."),
      Function("list", [], ["fleet.Kernel[]"], "An array that can be read."),
      Function("kernels", [], ["fleet.Kernel[]"], "Of the fleet: the same as `list`."),
      Function("sum", [("field", "fleet.NumberField")], ["number"], "Of those that have the number; 0 if none has."),
      Function(
        "average", [("field", "fleet.NumberField")], ["number?"], "Of those that have the number; nil if none has."),
      Function(
        "desired", [("pool", "fleet.Pool|string"), ("field", "fleet.NumberField"), ("target", "number")],
        ["integer", "number?"],
        "Of the fleet: how many kernels a pool should have so that the field's average is the target (the rule of "
          + "Kubernetes' horizontal pod autoscaler), and the average."),
    ], isReadOnly: true)
}
