// Durations, counted by size on any thread without a lock.
import FleetEngine
import Synchronization

/// A histogram with fixed bounds, as Prometheus knows it. Recording costs two atomic additions and a short search.
public final class Histogram: Sendable {
  /// What was counted up to some moment. The sum may be a recording ahead of the counts, or behind.
  public struct Snapshot: Sendable {
    /// Upper bounds in seconds, ascending; the last bucket has none.
    public let bounds: [Double]
    /// One more than there are bounds: how many were in each bucket, not cumulative.
    public let counts: [UInt64]
    /// Seconds.
    public let sum: Double

    public var count: UInt64 { counts.reduce(0, +) }
  }

  public let bounds: [Double]
  private let counts: [Counter]
  /// Nanoseconds: they can be added without a lock, and a sum of them overflows after 584 years.
  private let sum = Counter()

  /// - Parameter bounds: in seconds, ascending; a duration belongs to the first bound that it does not exceed.
  public init(_ bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of a histogram ascend")
    self.bounds = bounds
    counts = (0...bounds.count).map { _ in Counter() }
  }

  /// A clock that went backwards is no reason to count a time below zero: it counts as zero. No number counts not at all.
  public func record(seconds: Double) {
    if seconds.isNaN { return }
    let nanoseconds = UInt64(min(max(seconds, 0) * 1e9, 1e18))
    var index = 0
    while index < bounds.count, seconds > bounds[index] { index += 1 }
    counts[index].increment()
    sum.increment(by: nanoseconds)
  }

  public func record(_ duration: Duration) { record(seconds: duration.seconds) }

  public var snapshot: Snapshot {
    Snapshot(bounds: bounds, counts: counts.map(\.value), sum: Double(sum.value) / 1e9)
  }
}

extension Histogram {
  /// From a process that starts in milliseconds to one that loads a large library.
  static let spawnBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
  /// From a few table look-ups to the longest that a policy may take.
  static let policyBounds = [
    0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5,
    0.005, 0.01, 0.05, 0.1,
  ]
  static let requestBounds = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]
  /// From `1 + 1` to an hour of work.
  static let executeBounds = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 3600]
}
