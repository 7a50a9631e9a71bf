// HTTP requests by route, method and class of status: a bounded number of series, whatever clients send.
import Synchronization

/// Counts requests and their durations.
public final class RequestMeters: Sendable {
  public struct Key: Hashable, Sendable {
    public var route: String
    public var method: String
  }

  /// Of one route and method.
  public struct Reading: Sendable {
    public var key: Key
    /// From 1xx to 5xx.
    public var statuses: [UInt64]
    public var durations: Histogram.Snapshot
  }

  private final class Meter: Sendable {
    let statuses = (0..<5).map { _ in Counter() }
    let durations = Histogram(Histogram.requestBounds)
  }

  /// More routes than any server of ours has; what comes beyond is counted as `other`.
  static let mostMeters = 200
  /// Whatever else a client may call a method.
  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
  public static let unmatched = "unmatched"
  public static let other = "other"

  private let meters = Mutex<[Key: Meter]>([:])

  func record(route: String?, method: String, status: Int, seconds: Double) {
    let method = Self.methods.contains(method) ? method : Self.other
    let meter = meter(Key(route: route ?? Self.unmatched, method: method))
    meter.statuses[min(max(status / 100, 1), 5) - 1].increment()
    meter.durations.record(seconds: seconds)
  }

  private func meter(_ key: Key) -> Meter {
    meters.withLock { meters in
      if let meter = meters[key] { return meter }
      let key = meters.count < Self.mostMeters ? key : Key(route: Self.other, method: Self.other)
      if let meter = meters[key] { return meter }
      let meter = Meter()
      meters[key] = meter
      return meter
    }
  }

  /// In the order of the routes' names.
  public var readings: [Reading] {
    meters.withLock { $0 }.map { key, meter in
      Reading(key: key, statuses: meter.statuses.map(\.value), durations: meter.durations.snapshot)
    }.sorted { ($0.key.route, $0.key.method) < ($1.key.route, $1.key.method) }
  }
}
