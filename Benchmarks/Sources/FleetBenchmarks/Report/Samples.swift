// Times that were measured, and what is said about them.

/// Measurements of one thing, in seconds.
struct Samples {
  private var values: [Double] = []
  /// In ascending order.
  private var sorted: [Double] { values.sorted() }

  var count: Int { values.count }
  var median: Double { quantile(0.5) }
  var p95: Double { quantile(0.95) }
  var p99: Double { quantile(0.99) }
  var least: Double { values.min() ?? .nan }
  var greatest: Double { values.max() ?? .nan }

  /// How many of them, of all.
  func share(above seconds: Double) -> Double { Double(values.count { $0 > seconds }) / Double(max(1, values.count)) }

  mutating func add(seconds: Double) { values.append(seconds) }
  mutating func add(_ duration: Duration) { values.append(duration.inSeconds) }

  mutating func add(_ others: Samples) { values += others.values }

  /// Runs the body and adds how long it took, if it did not fail.
  mutating func time<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    let result = try body()
    add(ContinuousClock.now - start)
    return result
  }

  /// The nearest rank.
  private func quantile(_ part: Double) -> Double {
    guard !values.isEmpty else { return .nan }
    return sorted[min(values.count - 1, Int((part * Double(values.count)).rounded(.up)) - 1)]
  }

  /// `median 12.3 ms, p95 20.1 ms, p99 24.0 ms, least 11.0 ms, 40 rounds`
  var summary: String {
    "median \(Text.time(median)), p95 \(Text.time(p95)), p99 \(Text.time(p99)), least \(Text.time(least)), \(count) rounds"
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
