// An eventfd: wakes a thread that waits in poll or epoll.
import CZeroMQ
import Glibc

/// Wakes one waiting thread, from any thread and from signal handlers.
public final class Wakeup: Sendable {
  /// Readable while a signal is pending.
  public let descriptor: Int32

  public init() throws(ZMQError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard descriptor >= 0 else { throw ZMQError(code: errno, action: "make an eventfd") }
  }

  deinit { close(descriptor) }

  /// Async-signal-safe. Several signals before `clear` count as one.
  public func signal() {
    var one: UInt64 = 1
    // EAGAIN would mean that 2^64-1 signals are pending: the thread wakes anyway.
    while write(descriptor, &one, 8) == -1 && errno == EINTR {}
  }

  public var isPending: Bool {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&item, 1, 0) > 0
  }

  /// Takes pending signals back.
  /// - Returns: whether there were any.
  @discardableResult
  public func clear() -> Bool {
    var count: UInt64 = 0
    while true {
      if read(descriptor, &count, 8) == 8 { return true }
      if errno != EINTR { return false }
    }
  }
}

extension Wakeup {
  /// Blocks until a signal is pending, and takes it.
  func wait() {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while !clear() { poll(&item, 1, -1) }
  }
}
