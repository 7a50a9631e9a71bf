// epoll: waiting for many descriptors at a cost that does not grow with their number.
import CZeroMQ
import Glibc

/// A set of descriptors to wait for; each has a tag that tells it.
final class Epoll {
  private let descriptor: Int32
  private var ready: [epoll_event]

  init(batch: Int = 64) throws(ZMQError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw ZMQError(code: errno, action: "make an epoll set") }
    ready = Array(repeating: epoll_event(), count: batch)
  }

  deinit { close(descriptor) }

  func add(_ target: Int32, tag: UInt64) throws(ZMQError) {
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: tag))
    guard epoll_ctl(descriptor, EPOLL_CTL_ADD, target, &event) == 0 else {
      throw ZMQError(code: errno, action: "wait for a descriptor")
    }
  }

  /// To be called before the descriptor is closed; one that is not in the set is no error.
  func remove(_ target: Int32) {
    epoll_ctl(descriptor, EPOLL_CTL_DEL, target, nil)
  }

  /// Returns the tags of what is readable.
  /// - Parameter blocking: waits for as long as it takes; else there may be none.
  func wait(blocking: Bool = true) throws(ZMQError) -> [UInt64] {
    while true {
      let count = epoll_wait(descriptor, &ready, Int32(ready.count), blocking ? -1 : 0)
      if count >= 0 { return ready[..<Int(count)].map(\.data.u64) }
      if errno != EINTR { throw ZMQError(code: errno, action: "wait for descriptors") }
    }
  }
}
