// How long decisions take, in so many buckets that a percentile is exact to an eighth.

/// Counts durations in logarithmic buckets, eight to each power of two nanoseconds.
struct LatencyHistogram: Sendable {
  private static let perDoubling = 8
  private var counts = [UInt32](repeating: 0, count: 48 * perDoubling)
  private(set) var total = 0

  mutating func add(_ duration: Duration) {
    let nanoseconds = UInt64(max(duration.nanoseconds, 1))
    let exponent = 63 - nanoseconds.leadingZeroBitCount
    let fraction =
      exponent >= 3 ? Int((nanoseconds >> UInt64(exponent - 3)) & 7) : Int((nanoseconds << UInt64(3 - exponent)) & 7)
    let index = min(exponent * Self.perDoubling + fraction, counts.count - 1)
    counts[index] &+= 1
    total += 1
  }

  /// The middle of the bucket in which the share lies; nil before the first duration.
  /// - Parameter share: 0.99 for the 99th percentile.
  func percentile(_ share: Double) -> Duration? {
    guard total > 0 else { return nil }
    var left = max(1, Int((Double(total) * share).rounded(.up)))
    for (index, count) in counts.enumerated() where count > 0 {
      left -= Int(count)
      guard left <= 0 else { continue }
      let base = Double(1 << (index / Self.perDoubling))
      let step = base / Double(Self.perDoubling)
      return .nanoseconds(Int64(base + step * (Double(index % Self.perDoubling) + 0.5)))
    }
    return nil
  }
}
