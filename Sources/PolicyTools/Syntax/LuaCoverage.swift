// How much of a source ran.

/// Counts what the probes of an instrumented source report.
public struct LuaCoverage: Sendable {
  public struct Line: Sendable, Hashable {
    public let number: Int
    /// Of the statement on this line that ran most often.
    public let hits: Int
  }

  public struct Branch: Sendable, Hashable {
    public let branch: Instrumented.Branch
    /// How often the condition was true, or the loop's block ran.
    public let whenTrue: Int
    /// How often the condition was false, or the loop had nothing to do.
    public let whenFalse: Int

    public var outcomesTaken: Int { (whenTrue > 0 ? 1 : 0) + (whenFalse > 0 ? 1 : 0) }

    /// What did not happen, for people; empty if both ways were taken.
    public var missing: [String] {
      var missing: [String] = []
      if whenTrue == 0 { missing.append(sentence(true)) }
      if whenFalse == 0 { missing.append(sentence(false)) }
      return missing
    }

    private func sentence(_ outcome: Bool) -> String {
      switch branch.kind {
      case .if, .elseif: "the condition '\(branch.text)' was never \(outcome)"
      case .and, .or: "the left side of '\(branch.kind)', '\(branch.text)', was never \(outcome)"
      case .while, .for: outcome ? "the loop never ran" : "the loop always had something to do"
      }
    }
  }

  public let instrumented: Instrumented
  /// By number of the probe.
  public private(set) var hits: [Int]

  public init(_ instrumented: Instrumented) {
    self.instrumented = instrumented
    hits = Array(repeating: 0, count: instrumented.probes.count)
  }

  /// A probe has reported.
  public mutating func hit(_ probe: Int) {
    if hits.indices.contains(probe) { hits[probe] += 1 }
  }

  /// Adds what was counted elsewhere for the same source.
  public mutating func add(_ other: LuaCoverage) {
    for (index, count) in other.hits.enumerated() where hits.indices.contains(index) { hits[index] += count }
  }

  /// Lines on which a statement begins, in their order.
  public var lines: [Line] {
    var most: [Int: Int] = [:]
    for (probe, count) in zip(instrumented.probes, hits) where probe.kind == .statement {
      most[probe.line] = max(most[probe.line] ?? 0, count)
    }
    return most.sorted { $0.key < $1.key }.map { Line(number: $0.key, hits: $0.value) }
  }

  public var branches: [Branch] {
    var counts = Array(repeating: (whenTrue: 0, whenFalse: 0), count: instrumented.branches.count)
    for (probe, count) in zip(instrumented.probes, hits) {
      guard case .outcome(let branch, let outcome) = probe.kind else { continue }
      if outcome { counts[branch].whenTrue = count } else { counts[branch].whenFalse = count }
    }
    return zip(instrumented.branches, counts).map {
      Branch(branch: $0, whenTrue: $1.whenTrue, whenFalse: $1.whenFalse)
    }
  }

  /// From 0 to 1; 1 if there is nothing to run.
  public var lineRatio: Double {
    let lines = lines
    return lines.isEmpty ? 1 : Double(lines.count { $0.hits > 0 }) / Double(lines.count)
  }

  /// Of both outcomes of all branches, from 0 to 1; 1 if there are none.
  public var branchRatio: Double {
    let branches = branches
    return branches.isEmpty ? 1 : Double(branches.reduce(0) { $0 + $1.outcomesTaken }) / Double(2 * branches.count)
  }
}
