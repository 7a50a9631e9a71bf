// What decisions of a policy take: times, and memory.

import FleetEngine
import LuaRuntime

/// A policy asked over and over about the same fleet, as a host asks it: garbage is collected between decisions.
public struct DecisionSamples: Sendable {
  /// Of each decision, on its thread, the shortest first.
  public let durations: [Duration]
  /// Bytes that Lua took during each decision, the least first; those in which it collected garbage by itself are left
  /// out.
  public let allocations: [Int]
  /// Of one change of a row, the shortest first.
  public let updates: [Duration]
  /// Of Lua's memory, for one row that the policy has read; 0 without rows.
  public let bytesPerRow: Int
  /// How many decisions failed, and why the first did.
  public let failures: (count: Int, first: String?)

  /// - Parameters:
  ///   - questions: asked in turn, `count` times in all; fewer if ten decisions fail.
  ///   - budget: a decision that takes longer fails.
  /// - Throws: `PolicyError` if the policy does not load, or there is no memory for the rows.
  public init(
    path: String, text: [UInt8]? = nil, rows: [KernelRow], questions: [PolicyQuestion], count: Int,
    budget: PolicyBudget = PolicyBudget()
  ) throws(PolicyError) {
    let source = if let text { PolicySource(text: text) } else { try PolicySource(path: path) }
    let name = fileName(of: path)
    do throws(LuaError) {
      let program = try PolicyProgram(source, name: name, budget: budget, log: { _ in })
      while program.collectSome() {}
      let before = program.memoryInUse
      try program.apply(rows.map(KernelRowChange.put))
      var samples = Samples(program: program, rows: rows)
      for number in 0..<(questions.isEmpty ? 0 : count) where samples.failed < Self.patience {
        try samples.ask(questions[number % questions.count])
      }
      while program.collectSome() {}
      bytesPerRow = rows.isEmpty ? 0 : max(program.memoryInUse - before, 0) / rows.count
      durations = samples.durations.sorted()
      allocations = samples.allocations.sorted()
      updates = samples.updates.sorted()
      failures = (samples.failed, samples.failure)
    } catch { throw PolicyError(error.message) }
  }

  /// After so many failures nothing more is learned.
  private static let patience = 10

  private struct Samples {
    let program: PolicyProgram
    let rows: [KernelRow]
    var durations: [Duration] = []
    var allocations: [Int] = []
    var updates: [Duration] = []
    var failed = 0
    var failure: String?

    /// A kernel changes, as it does between the decisions of a fleet in use; then the policy is asked.
    mutating func ask(_ question: PolicyQuestion) throws(LuaError) {
      if !rows.isEmpty {
        var row = rows[durations.count % rows.count]
        row.clients += durations.count / rows.count % 2
        let start = luaNow()
        try program.apply([.put(row)])
        updates.append(.nanoseconds(luaNow() - start))
      }
      let before = program.memoryInUse
      let (verdict, duration) = program.decide(question)
      let taken = program.memoryInUse - before
      durations.append(duration)
      if taken >= 0 { allocations.append(taken) }
      if case .failure(let what) = verdict {
        failed += 1
        failure = failure ?? what
      }
      _ = program.collectSome()
    }
  }
}
