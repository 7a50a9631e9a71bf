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
  /// Bytes of Lua's memory for one row.
  public var bytesPerRow: Int

  /// Measures in rounds in which all take turns; the quietest round counts, for others use the machine too.
  /// - Throws: `LuaError` or a description of why the policy cannot be used, or if it does not answer.
  public init(path: String, rows: [KernelRow], question: PolicyQuestion, rounds: Int = 51, decisions: Int = 200) throws
  {
    let source = try PolicySource(path: path)
    let program = try PolicyProgram(source, name: path, budget: PolicyBudget(route: .seconds(10)), log: { _ in })
    while program.collectSome() {}
    let before = program.memoryInUse
    try program.apply(rows.map(KernelRowChange.put))
    while program.collectSome() {}
    bytesPerRow = (program.memoryInUse - before) / max(rows.count, 1)
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
}
