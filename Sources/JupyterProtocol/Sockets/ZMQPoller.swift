// Waiting for a handful of sockets and descriptors at once.
import CZeroMQ
import Glibc

/// Waits for a few sockets and descriptors; for many sockets, epoll over their descriptors is cheaper.
public struct ZMQPoller {
  private var items: [zmq_pollitem_t] = []

  public init() {}

  /// Adds a socket and returns its index.
  @discardableResult
  public mutating func add(_ socket: ZMQSocket) -> Int {
    items.append(zmq_pollitem_t(socket: socket.raw, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Adds a descriptor and returns its index.
  @discardableResult
  public mutating func add(descriptor: Int32) -> Int {
    items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Waits until something is readable.
  /// - Parameter until: when to give up; nil waits for ever.
  /// - Returns: false when the time is over. An interrupted wait goes on, so handlers of signals use a `Wakeup`.
  public mutating func wait(until deadline: MonotonicTime? = nil) throws(ZMQError) -> Bool {
    while true {
      let timeout = deadline.map { $0.millisecondsLeft() } ?? -1
      let count = zmq_poll(&items, Int32(items.count), timeout)
      if count > 0 { return true }
      if count == 0 {
        // Milliseconds are rounded up, so a wait that returns nothing has really ended.
        if let deadline, deadline.isOver { return false }
        continue
      }
      if zmq_errno() != EINTR { throw ZMQError.last("wait for messages") }
    }
  }

  /// Whether the item at `index` was readable when the last `wait` ended.
  public func isReadable(_ index: Int) -> Bool { items[index].revents != 0 }
}
