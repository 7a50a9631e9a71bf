// A timerfd: wakes a thread that waits in epoll at a point in time.
import CZeroMQ
import Glibc

/// One alarm; setting it again replaces the earlier time.
final class Timer: Sendable {
  let descriptor: Int32

  init() throws(ZMQError) {
    descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
    guard descriptor >= 0 else { throw ZMQError(code: errno, action: "make a timer") }
  }

  deinit { close(descriptor) }

  /// Sets the alarm; a time that is over rings at once, nil turns it off.
  func set(_ time: MonotonicTime?) {
    var value = itimerspec()
    if let time {
      let at = max(1, time.nanoseconds)
      value.it_value.tv_sec = time_t(at / 1_000_000_000)
      value.it_value.tv_nsec = Int(at % 1_000_000_000)
    }
    timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &value, nil)
  }

  /// Takes a ring back, so that the descriptor is no longer readable.
  func clear() {
    var count: UInt64 = 0
    while read(descriptor, &count, 8) == -1 && errno == EINTR {}
  }
}
