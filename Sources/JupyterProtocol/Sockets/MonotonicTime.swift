// A point of the monotonic clock, for deadlines.
import Glibc

/// A point in time that no clock adjustment moves.
public struct MonotonicTime: Sendable, Hashable, Comparable {
  /// Since an arbitrary start, such as the system's.
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public static func after(_ duration: Duration) -> MonotonicTime { now + duration }

  public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let parts = duration.components
    let (seconds, overflow) = parts.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let added = overflow ? Int64.max : seconds &+ parts.attoseconds / 1_000_000_000
    let (sum, past) = time.nanoseconds.addingReportingOverflow(added)
    return MonotonicTime(nanoseconds: past ? .max : sum)
  }

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

  public var isOver: Bool { self <= .now }

  /// Rounded up, so that a wait of this length does not end too early; at least 0.
  func millisecondsLeft() -> Int {
    let left = nanoseconds - MonotonicTime.now.nanoseconds
    return left <= 0 ? 0 : Int(min((left + 999_999) / 1_000_000, Int64(Int32.max)))
  }
}
