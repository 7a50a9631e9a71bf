// When a crashed kernel is started again.

/// 0.5 s, doubling to 60 s; given up at the fifth exit within 60 s; forgotten after 60 s of life. The rule of spec §3.
public struct Backoff: Sendable, Hashable {
  public var first: Duration = .milliseconds(500)
  public var longest: Duration = .seconds(60)
  public var exits: Int = 5
  public var window: Duration = .seconds(60)
  public var forgiveness: Duration = .seconds(60)

  public init() {}

  public enum Verdict: Sendable, Hashable { case restart(after: Duration), giveUp(exits: Int) }

  /// Counts a crash of the kernel at `now` and says what follows.
  public func crashed(_ kernel: inout Kernel, now: Instant) -> Verdict {
    if let since = kernel.readySince, now - since >= forgiveness {
      kernel.recentExits = []
      kernel.crashesInARow = 0
    }
    kernel.recentExits.removeAll { now - $0 >= window }
    kernel.recentExits.append(now)
    kernel.crashesInARow += 1
    if kernel.recentExits.count >= exits { return .giveUp(exits: kernel.recentExits.count) }
    let doublings = min(kernel.crashesInARow - 1, 30)
    return .restart(after: min(first * (1 << doublings), longest))
  }
}
