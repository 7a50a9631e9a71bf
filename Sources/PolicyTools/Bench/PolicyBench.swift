// `fleet policy bench`: what a policy's decisions take in fleets of several sizes.

import FleetEngine
import JSON
import PolicyHost

/// Figures of one entry point and one size of a fleet. The fleet is made up: see `SampleFleet`.
public struct PolicyBench: Sendable {
  public let entry: EntryPoint
  public let rows: Int
  public let samples: DecisionSamples
  /// What a host allows for one decision. Ten times as long is waited here.
  public let budget: Duration

  /// - Parameter decisions: how many are measured, after a tenth as many that are not.
  /// - Throws: `PolicyError` if the policy does not load or has no such function.
  public init(_ file: AuthorFile, _ entry: EntryPoint, rows count: Int, decisions: Int = 2000) throws(PolicyError) {
    self.entry = entry
    rows = count
    let budget = PolicyBudget()
    let allowed = budget.time(for: entry)
    self.budget = allowed
    let text = Array(file.text.utf8)
    guard try DirectPolicy(path: file.path, text: text).entries.contains(entry) else {
      throw PolicyError("\(file.path) has no function '\(entry.rawValue)' to measure")
    }
    let rows = SampleFleet.rows(count)
    let questions = SampleFleet.questions(entry, rows).enumerated().map { number, question in
      PolicyQuestion(question.subject, now: Instant(nanoseconds: 3_600_000_000_000), seed: UInt64(number + 1))
    }
    guard !questions.isEmpty else {
      throw PolicyError("'\(entry.rawValue)' is about a kernel, so it is measured with one row at least")
    }
    func measure(_ decisions: Int) throws(PolicyError) -> DecisionSamples {
      try DecisionSamples(
        path: file.path, text: text, rows: rows, questions: questions, count: decisions,
        budget: PolicyBudget(answer: allowed * 10, load: budget.load))
    }
    _ = try measure(max(decisions / 10, 1))
    samples = try measure(decisions)
  }

  /// Decisions for which a host would not have waited. On a busy machine these are not always the policy's fault.
  public var late: Int { samples.durations.count { $0 > budget } }

  /// - Parameter percent: 50 for the median.
  public func duration(_ percent: Double) -> Duration { Self.percentile(samples.durations, percent) ?? .zero }

  /// Bytes of the median decision.
  public var allocated: Int { Self.percentile(samples.allocations, 50) ?? 0 }

  /// Of the median change of a row.
  public var update: Duration { Self.percentile(samples.updates, 50) ?? .zero }

  /// The nearest rank.
  static func percentile<Value>(_ sorted: [Value], _ percent: Double) -> Value? {
    guard !sorted.isEmpty else { return nil }
    let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }

  public var json: JSON {
    func microseconds(_ duration: Duration) -> JSON { .double(Double(duration / .nanoseconds(1)) / 1000) }
    return .object([
      "entry": .string(entry.rawValue), "rows": .int(Int64(rows)), "decisions": .int(Int64(samples.durations.count)),
      "p50_us": microseconds(duration(50)), "p99_us": microseconds(duration(99)), "max_us": microseconds(duration(100)),
      "budget_us": microseconds(budget), "allocated_bytes": .int(Int64(allocated)),
      "bytes_per_row": .int(Int64(samples.bytesPerRow)), "row_change_us": microseconds(update),
      "late": .int(Int64(late)), "failures": .int(Int64(samples.failures.count)),
      "failure": samples.failures.first.map(JSON.string) ?? .null,
    ])
  }
}
