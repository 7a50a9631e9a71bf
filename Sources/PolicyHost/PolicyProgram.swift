// A policy file in a Lua state of its own, with the rows of the fleet. Confined to the thread of its worker.

import FleetEngine
import LuaRuntime

/// How long a policy may take.
public struct PolicyBudget: Sendable {
  /// For one answer.
  public var route: Duration
  /// For running the file once, when it is loaded.
  public var load: Duration
  /// How much longer an asker waits for a thread that does not come back before it gives it up.
  public var grace: Duration
  /// What the policy's own tables and strings may take, in bytes; the rows are not its own.
  public var memory: Int

  public init(
    route: Duration = .milliseconds(2), load: Duration = .milliseconds(100), grace: Duration = .milliseconds(5),
    memory: Int = 8 << 20
  ) {
    self.route = route
    self.load = load
    self.grace = grace
    self.memory = memory
  }
}

final class PolicyProgram {
  private let state: LuaState
  private let route: LuaFunction
  /// `least_loaded.lua:3`, for what a result is complained about.
  private let place: String
  private let budget: Int64
  private let encoder = LuaEncoder()
  private let output: LogLimiter

  /// - Parameter name: what positions in errors begin with.
  init(
    _ source: PolicySource, name: String, budget: PolicyBudget, log: @escaping @Sendable (String) -> Void
  ) throws(LuaError) {
    var configuration = LuaConfiguration.policy
    configuration.memoryLimit = budget.memory
    let output = LogLimiter(log)
    state = try LuaState(configuration)
    self.output = output
    self.budget = budget.route.nanoseconds
    state.setOutput { _, bytes in output.write(bytes) }
    try state.openRows(.kernels)
    try state.setGlobal("memory", .table(LuaTable()))
    let module = try state.module(state.load(source.text, name: name), deadline: budget.load)
    guard let route = try module.function("route") else {
      throw LuaError(.type, "\(name) has no function 'route'; it should end with: return { route = function … }")
    }
    self.route = route
    place = state.line(of: route).map { "\(name):\($0)" } ?? name
    state.freezeGlobals()
  }

  func apply(_ changes: [KernelRowChange]) throws(LuaError) {
    for change in changes {
      switch change {
      case .put(let row):
        encoder.removeAll()
        encoder.append(row)
        try state.putRow(row.uuid, encoder)
      case .remove(let uuid): try state.removeRow(uuid)
      }
    }
  }

  /// Asks the policy. The duration is what this thread took, from question to answer.
  func decide(_ question: PolicyQuestion) -> (Verdict, Duration) {
    let start = luaNow()
    output.reset()
    encoder.removeAll()
    encoder.append(question.requirements!)
    state.seedRandom(question.seed)
    var verdict: Verdict
    do throws(LuaError) {
      let now = Double(question.now.nanoseconds) / 1e9
      var results = try state.decide(route, encoder, now: now, deadline: start + budget)
      verdict = Verdict(reading: &results)
      if case .failure(let what) = verdict { verdict = .failure("\(place): route \(what)") }
    } catch {
      verdict = .failure(describe(error))
    }
    return (verdict, .nanoseconds(luaNow() - start))
  }

  /// What so many calls of the function take that plain C makes.
  func time(_ baseline: LuaState.Baseline, _ question: PolicyQuestion, count: Int) -> Duration {
    encoder.removeAll()
    encoder.append(question.requirements!)
    return state.time(baseline, route, encoder, count: count)
  }

  /// Bytes of Lua's memory, the rows included.
  var memoryInUse: Int { state.memoryInUse }

  /// Some microseconds of garbage collection; true if there is more to do.
  func collectSome() -> Bool { state.collectSome() }

  private func describe(_ error: LuaError) -> String {
    switch error.kind {
    case .deadline: "\(error.message) of \(Double(budget) / 1e6) ms"
    case .memory: "\(place): route: \(error.message)"
    default: error.message
    }
  }
}
