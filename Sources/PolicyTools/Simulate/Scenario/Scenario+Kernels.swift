// The parts of a scenario file that are about kernels: how they behave, which stand there already, and what befalls them.
import FleetConfiguration
import FleetEngine

extension TableReader {
  /// `[kernels.NAME]`; what a section leaves out is taken from `[kernels.default]`.
  mutating func kernels(_ scenario: inout Scenario) throws(ConfigurationError) {
    guard var reader = try table("kernels") else { return }
    var standard = KernelModel()
    if var section = try reader.table("default") { standard = try section.kernel(standard) }
    scenario.kernels["default"] = standard
    for name in reader.names where name != "default" {
      guard var section = try reader.table(name) else { continue }
      scenario.kernels[name] = try section.kernel(standard)
    }
    try reader.finish()
  }

  /// A section for kernels that nobody names may be for what a policy will spawn, unless it looks like a slip.
  mutating func checkKernels(_ scenario: Scenario) throws(ConfigurationError) {
    var specifications = scenario.clients.map(\.specification) + scenario.standing.map(\.specification)
    specifications += scenario.pools.keys.compactMap { scenario.template(of: $0) }
    let known = Set(specifications.flatMap { [$0.pool, $0.kernelspec, $0.language].compactMap { $0 } })
    guard let reader = try table("kernels") else { return }
    for name in reader.names where name != "default" && !known.contains(name) {
      guard let near = NearestName.of(name, among: known.union(["default"]).sorted()) else { continue }
      throw reader.badValue(name, "nothing here is called so; did you mean \"\(near)\"?")
    }
  }

  private mutating func kernel(_ standard: KernelModel) throws(ConfigurationError) -> KernelModel {
    var model = standard
    model.start = try times("start") ?? model.start
    model.startFailures = try share("start_failures") ?? model.startFailures
    model.slowness = try positive("slowness") ?? model.slowness
    model.memory = try distribution("memory", Quantity.bytes, "uniform(30M, 60M)") ?? model.memory
    model.memoryPerClient = try bytes("memory_per_client") ?? model.memoryPerClient
    model.memoryPerExecution = try bytes("memory_per_execution") ?? model.memoryPerExecution
    model.memoryLeak = try bytes("memory_leak_per_hour") ?? model.memoryLeak
    model.cpu = try positive("cpu") ?? model.cpu
    model.idleCPU = try positive("idle_cpu") ?? model.idleCPU
    model.stop = try times("stop") ?? model.stop
    model.crash = try times("crash") ?? model.crash
    try finish()
    return model
  }

  /// `[[spawn]]`.
  mutating func standing() throws(ConfigurationError) -> StandingKernels {
    let count = try integer("count", in: 1...100_000) ?? 1
    let kernels = StandingKernels(count: count, specification: try specification(try wanted()))
    try finish()
    return kernels
  }

  /// What a request says, in the words of `POST /find`.
  mutating func wanted() throws(ConfigurationError) -> Requirements {
    var wanted = Requirements()
    wanted.language = try string("language")
    wanted.kernelspec = try string("kernelspec")
    wanted.config = try string("config")
    wanted.provider = try string("provider")
    wanted.model = try string("model")
    wanted.memory = try size("memory")?.bytes
    wanted.owner = try string("owner")
    if var labels = try table("labels") { wanted.labels = try labels.stringsByName() }
    return wanted
  }

  /// What is started for a request: a language alone stands for a kernelspec of that name.
  mutating func specification(_ wanted: Requirements) throws(ConfigurationError) -> Specification {
    let language = wanted.language ?? "lua"
    var limits = FleetEngine.Limits(memory: wanted.memory)
    limits.cpu = try positive("cpu_limit")
    return Specification(
      kernelspec: wanted.kernelspec ?? language, language: language, config: wanted.config, provider: wanted.provider,
      model: wanted.model, labels: wanted.labels, owner: wanted.owner ?? "", pool: try string("pool"), limits: limits)
  }

  /// `[[faults]]`.
  mutating func fault(_ scenario: Scenario) throws(ConfigurationError) -> Fault {
    guard let kind = try word("kind", Fault.Kind.self) else {
      let kinds = Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw missing("kind", "write one of \(kinds)")
    }
    let every = try times("every")
    guard let at = try time("at") ?? (every == nil ? nil : 0) else {
      throw missing("at", "write at = \"10m\", or every = \"exponential(1h)\"")
    }
    var fault = Fault(kind: kind, at: at, every: every, until: scenario.duration, length: 30 * Scenario.second)
    fault.until = try time("until") ?? fault.until
    fault.length = try time("for") ?? fault.length
    fault.target = try target() ?? fault.target
    fault.service = try times("service")
    fault.factor = try positive("factor") ?? fault.factor
    fault.share = try share("share") ?? fault.share
    if let code = try integer("exit_code", in: 0...255) { fault.exit = ExitInfo(code: code) }
    if let signal = try integer("signal", in: 1...64) { fault.exit = ExitInfo(signal: signal) }
    if try bool("out_of_memory") == true { fault.exit = ExitInfo(signal: 9, outOfMemory: true) }
    try finish()
    return fault
  }

  /// `kernel = 1`, or a word.
  private mutating func target() throws(ConfigurationError) -> Fault.Target? {
    guard let node = node("kernel") else { return nil }
    switch node.content {
    case .integer(let number) where number >= 1: return .number(Int(number))
    case .string("any"): return .any
    case .string("busiest"): return .busiest
    case .string("all"): return .all
    default:
      throw badValue(
        "kernel", "names no kernel; write its number (1 was spawned first), \"any\", \"busiest\" or \"all\"")
    }
  }
}
