// A moment on the monotonic clock, and waiting for a descriptor no longer than until then.
import Glibc

struct Deadline {
  private let end: ContinuousClock.Instant
  let duration: Duration

  init(after duration: Duration) {
    self.duration = duration
    end = .now + duration
  }

  /// Rounded up, so that a wait never ends just before the deadline.
  var milliseconds: Int32 {
    let (seconds, attoseconds) = (end - .now).components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 1_000_000 else { return .max }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  /// Waits until the descriptor is ready or has failed.
  func wait(_ descriptor: Int32, for events: Int32) throws(FleetClientError) {
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let count = poll(&entry, 1, milliseconds)
      if count > 0 { return }
      if count == 0 { throw .timedOut(after: duration) }
      guard errno == EINTR else { throw .connectionLost(reason: SystemText.of(errno)) }
    }
  }
}

enum SystemText {
  static func of(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
}
