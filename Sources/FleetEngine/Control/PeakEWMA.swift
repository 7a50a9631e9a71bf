// How long a kernel's executions take: a peak exponentially weighted moving average, as in Finagle's `PeakEwma`. Bad
// news counts at once, good news over time.

enum PeakEWMA {
  /// Time in which the past loses all but 1/e of its weight.
  static let decay = Duration.seconds(10)

  /// The average after a sample, in seconds.
  static func average(_ former: Double?, age: Duration, sample: Double) -> Double {
    guard let former, sample <= former else { return sample }
    let weight = exponential(-max(0, age.seconds) / decay.seconds)
    return former * weight + sample * (1 - weight)
  }

  /// e^x for x ≤ 0, by (1 + x/1024)^1024 within 1 % where it matters (x ≥ −4): the standard library has no exp, and this
  /// one gives the same on every machine.
  private static func exponential(_ x: Double) -> Double {
    var power = max(0, 1 + x / 1024)
    for _ in 0..<10 { power *= power }
    return power
  }
}
