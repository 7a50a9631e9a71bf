// What policies are asked about, and what they answer.

extension PolicyAPI {
  static let routeRequest = Class(
    name: "fleet.RouteRequest", doc: "What a client asked for; nil where it does not care.",
    fields: fields([
      ("language", "string?", "Such as `python`."),
      ("kernelspec", "string?", "Such as `python3`."),
      ("config", "string?", "Name or path of a kernel config."),
      ("provider", "string?", "Of the language model."),
      ("model", "string?", "The language model."),
      ("memory", "integer?", "Bytes that the kernel's limit must allow."),
      ("labels", "table<string, string>", "That the kernel must have; perhaps empty."),
      ("owner", "string?", "Whose kernel it must be."),
      ("session", "string?", "The same key should find the same kernel again."),
      ("source", "string?", "`jupyter` if a Jupyter client asks; nil for all others."),
      ("path", "string?", "The notebook that it is for, as a Jupyter client names it."),
    ]), isReadOnly: true)

  static let admitRequest = Class(
    name: "fleet.AdmitRequest", doc: "The kernel that is to be started.",
    fields: fields([
      ("kernelspec", "string", "What starts it, such as `python3`."),
      ("language", "string", "Such as `python`."),
      ("config", "string?", "The config's file name."),
      ("provider", "string?", "Of its language model."),
      ("model", "string?", "Its language model."),
      ("name", "string?", "As its user calls it."),
      ("labels", "table<string, string>", "Perhaps empty."),
      ("owner", "string", "Empty if it is nobody's."),
      ("pool", "string?", "The pool that it is for."),
      ("memory", "integer?", "Bytes that it may use; nil without a limit."),
      ("cpu", "number?", "Share of one core; nil without a limit."),
      ("processes", "integer?", "How many it may have; nil without a limit."),
      ("open_files", "integer?", "How many it may open; nil without a limit."),
      ("file_size", "integer?", "Bytes that a file may have which it writes; nil without a limit."),
      ("nice", "integer?", "From -20 to 19."),
    ]), isReadOnly: true)

  static let pool = Class(
    name: "fleet.Pool", doc: "A pool. The counts leave out kernels that are on their way out.",
    fields: fields([
      ("name", "string", "As `fleet.toml` calls it."),
      ("min", "integer", "Kernels at least."),
      ("max", "integer", "Kernels at most."),
      ("warm", "integer", "To be kept ready without a client."),
      ("kernels", "integer", "Starting, or alive."),
      ("starting", "integer", "Not answering yet."),
      ("used", "integer", "With a client, claimed or busy."),
      ("free", "integer", "Answering, without a client."),
      ("draining", "integer", "Retiring: they end when the last client has left."),
      ("waiting", "integer", "Requests that wait for a kernel."),
      ("arrivals", "number", "Kernels taken per second since the last question."),
    ]), isReadOnly: true)

  static let exit = Class(
    name: "fleet.Exit", doc: "How a kernel ended that nobody had asked to end.",
    fields: fields([
      ("code", "integer?", "Exit code; nil if a signal ended it."),
      ("signal", "integer?", "The signal that ended it."),
      ("out_of_memory", "boolean", "Its memory limit ended it."),
      ("reason", "string", "For people."),
      ("recent", "integer", "Crashes within the last 60 s, this one included."),
      ("uptime", "number?", "Seconds from its first answer to its end; nil if it never answered."),
      ("proposal", "number?", "What the host's own rule would do: seconds to wait, nil to give up."),
    ]), isReadOnly: true)

  // MARK: - Answers

  static let routeAnswer = Class(
    name: "fleet.RouteAnswer", doc: "One of these.",
    fields: fields([
      ("use", "string?", "A kernel: its id, UUID or name."),
      ("spawn", "fleet.Spawn?", "Start a kernel."),
      ("wait", "number?", "Ask again after so many seconds (0.05 to 60)."),
      ("reject", "string?", "Refuse, and why."),
    ]))

  static let spawn = Class(
    name: "fleet.Spawn", doc: "What is left out is taken from the request.",
    fields: fields([
      ("config", "string?", "Name or path of a kernel config."), ("language", "string?", "Such as `python`."),
    ]))

  static let admitAnswer = Class(
    name: "fleet.AdmitAnswer", doc: "One of these.",
    fields: fields([
      (
        "allow", "true|fleet.Limits|nil",
        "Start it; limits given here hold where they are tighter than those asked for."
      ),
      ("reject", "string?", "Refuse, and why."),
    ]))

  static let limits = Class(
    name: "fleet.Limits", doc: "What is left out stays as it was asked for.",
    fields: fields([
      ("memory", "integer?", "Bytes."), ("cpu", "number?", "Share of one core."), ("processes", "integer?", "At most."),
      ("open_files", "integer?", "At most."), ("file_size", "integer?", "Bytes of one file."),
      ("nice", "integer?", "From -20 to 19."),
    ]))

  static let scaleAnswer = Class(
    name: "fleet.ScaleAnswer", doc: "The size that a pool should have; the host clamps it.",
    fields: fields([
      ("wanted", "integer", "Kernels that the pool should have."),
      ("retire", "string[]?", "Ids of those to retire first, if some are to go."),
    ]))

  static let alertCondition = Class(
    name: "fleet.AlertCondition", doc: "A condition that holds now.",
    fields: fields([
      ("name", "string", "Such as `HighMemory`; with kernel and labels it is the alert's identity."),
      ("kernel", "fleet.Kernel|string|nil", "What it is about; nil for the whole fleet."),
      ("severity", "string?", "Such as `warning`, which it is by default, or `critical`."),
      ("summary", "string?", "One sentence."),
      ("value", "number?", "That made it hold."),
      ("labels", "table<string, string>?", "For those who are notified."),
      ("for", "number?", "Seconds that it must hold before the alert fires."),
      ("keep_firing_for", "number?", "Seconds that the alert goes on when the condition is gone."),
    ]))

  static let restartAnswer = Class(
    name: "fleet.RestartAnswer", doc: "One of these.",
    fields: fields([
      ("after", "number?", "Start it again after so many seconds."), ("give_up", "string?", "Leave it, and why."),
    ]))

  /// Classes of answers of whose fields an answer has exactly one.
  public static let choices: Set<String> = ["fleet.RouteAnswer", "fleet.AdmitAnswer", "fleet.RestartAnswer"]
}
