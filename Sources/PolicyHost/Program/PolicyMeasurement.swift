// What a decision takes: for benchmarks.

import FleetEngine
import LuaRuntime

/// How long one policy takes over one question, on the thread that asks it.
public struct PolicyMeasurement: Sendable {
  /// A decision as it is made: request in, deadline set, function called, answer read and checked.
  public var decision: Duration
  /// The same with garbage collected after each.
  public var withCollection: Duration
  /// Plain C that makes a table of the request, calls the same function with the same rows, without a deadline, and
  /// copies the answer and the reason.
  public var bare: Duration
  /// Only the call of the function: the request is there already, and nobody looks at the results.
  public var callOnly: Duration
  /// Bytes for one row, after it has been decided about: all that it adds to the process.
  public var bytesPerRow: Int
  /// Bytes for the state without rows.
  public var bytesOfState: Int
  /// From the text to a state that can be asked, with its rows.
  public var loading: Duration

  /// Measures in rounds in which all take turns; the quietest round counts, for others use the machine too.
  /// - Throws: `LuaError` or a description of why the policy cannot be used, or if it does not answer.
  public init(
    path: String, text: String? = nil, rows: [KernelRow], question: PolicyQuestion, rounds: Int = 51,
    decisions: Int = 200
  ) throws {
    let source = if let text { PolicySource(text: Array(text.utf8)) } else { try PolicySource(path: path) }
    let changes = rows.map(KernelRowChange.put)
    loading = try Self.timeLoading(source, changes)
    (bytesOfState, bytesPerRow) = try Self.weigh(source, changes, question)
    let program = try PolicyProgram(source, name: path, budget: Self.patient, log: { _ in })
    try program.apply(changes)
    if case .failure(let what) = program.decide(question).0 { throw PolicyError(what) }
    var times = (decision: [Duration](), withCollection: [Duration](), bare: [Duration](), callOnly: [Duration]())
    for _ in 0..<rounds {
      times.callOnly.append(program.time(.callOnly, question, count: decisions) / decisions)
      times.bare.append(program.time(.plainC, question, count: decisions) / decisions)
      times.decision.append(
        (0..<decisions).reduce(.zero) { total, _ in total + program.decide(question).1 } / decisions)
      let start = luaNow()
      for _ in 0..<decisions {
        _ = program.decide(question)
        _ = program.collectSome()
      }
      times.withCollection.append(.nanoseconds((luaNow() - start) / Int64(decisions)))
    }
    decision = times.decision.min() ?? .zero
    withCollection = times.withCollection.min() ?? .zero
    bare = times.bare.min() ?? .zero
    callOnly = times.callOnly.min() ?? .zero
  }

  private static let patient = PolicyBudget(answer: .seconds(10))

  /// Bytes of a state, and of a row that was decided about, by what many of them add to the process.
  private static func weigh(
    _ source: PolicySource, _ changes: [KernelRowChange], _ question: PolicyQuestion
  ) throws -> (state: Int, row: Int) {
    let count = 20, empty = LuaState.residentBytes
    let programs = try (0..<count).map { _ in
      try PolicyProgram(source, name: "weighed", budget: patient, log: { _ in })
    }
    let before = LuaState.residentBytes
    for program in programs {
      try program.apply(changes)
      _ = program.decide(question)
      program.collectAll()
    }
    let after = withExtendedLifetime(programs) { LuaState.residentBytes }
    return ((before - empty) / count, (after - before) / (count * max(changes.count, 1)))
  }

  private static func timeLoading(_ source: PolicySource, _ changes: [KernelRowChange]) throws -> Duration {
    var best = Duration.seconds(1)
    for _ in 0..<10 {
      let start = luaNow()
      let program = try PolicyProgram(source, name: "loading", budget: patient, log: { _ in })
      try program.apply(changes)
      best = min(best, .nanoseconds(luaNow() - start))
    }
    return best
  }

  /// What a script's own code takes in the sandbox, by what it takes in plain Lua.
  /// - Parameter script: returns a function without arguments, which is called again and again.
  public static func sandboxRatio(_ script: String, rounds: Int = 21, calls: Int = 200) throws -> Double {
    let state = try LuaState(.policy)
    let function = try state.module(
      state.load(
        "local f = (function() \(script) end)() return {f = function() for _ = 1, \(calls) do f() end end}", name: "s")
    ).function("f")
    guard let function else { throw PolicyError("the script returns no function") }
    state.freezeGlobals()
    var sandboxed = [Duration](), plain = [Duration]()
    for _ in 0..<rounds {
      let start = luaNow()
      try state.call(function, deadline: .seconds(10))
      sandboxed.append(.nanoseconds(luaNow() - start))
      let looped = "local f = (function() \(script) end)() return function() for _ = 1, \(calls) do f() end end"
      plain.append(LuaState.timePlain(Array(looped.utf8), count: 1))
    }
    guard let best = sandboxed.min(), let base = plain.min(), base > .zero else {
      throw PolicyError("the script does not run in plain Lua")
    }
    return best / base
  }
}
