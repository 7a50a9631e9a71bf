// When a pool tries again whose kernels do not start, or end as soon as they have started.

/// 1 s, doubling to 5 minutes; forgotten when it went well for a minute after the last delay.
struct StartBackoff: Sendable {
  static let first = Duration.seconds(1)
  static let longest = Duration.seconds(300)
  static let forgiveness = Duration.seconds(60)

  private(set) var failures = 0
  /// Nothing is started before.
  private(set) var retryAt: Instant?
  /// Why it failed last; nil when a kernel has answered since.
  private(set) var problem: String?

  /// Those that were started together fail together: they count once.
  mutating func failed(_ reason: String, _ now: Instant) {
    problem = reason
    if let retryAt {
      if now < retryAt { return }
      if now - retryAt >= Self.forgiveness { failures = 0 }
    }
    failures += 1
    retryAt = now + min(Self.first * (1 << min(failures - 1, 20)), Self.longest)
  }

  mutating func succeeded() { problem = nil }

  func allows(_ now: Instant) -> Bool { retryAt.map { $0 <= now } ?? true }
}
