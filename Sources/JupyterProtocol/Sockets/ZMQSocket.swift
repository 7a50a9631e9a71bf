// A ZeroMQ socket: whole multipart messages in and out, and the descriptor to wait for.
import CZeroMQ
import Glibc

/// The parts of one message, in order.
public typealias Frames = [[UInt8]]

/// A ZeroMQ socket, confined to the thread that uses it (or guarded by a lock: libzmq allows hand-over with a fence).
///
/// All calls are non-blocking: wait with `ZMQPoller` or on `descriptor`.
public final class ZMQSocket {
  public enum Kind: Sendable {
    case dealer, router, sub, xpub, pair

    var raw: Int32 {
      switch self {
      case .dealer: ZMQ_DEALER
      case .router: ZMQ_ROUTER
      case .sub: ZMQ_SUB
      case .xpub: ZMQ_XPUB
      case .pair: ZMQ_PAIR
      }
    }
  }

  let raw: UnsafeMutableRawPointer
  private let context: ZMQContext
  /// The part received last. On the heap, because libzmq keeps short parts inside it and hands out pointers into it.
  private let message: UnsafeMutablePointer<zmq_msg_t>

  public init(_ kind: Kind, in context: ZMQContext) throws(ZMQError) {
    guard let raw = zmq_socket(context.raw, kind.raw) else { throw ZMQError.last("make a ZeroMQ socket") }
    self.raw = raw
    self.context = context
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
  }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
    zmq_close(raw)
  }

  /// Sets an integer option.
  public func set(_ option: Int32, _ value: Int32) throws(ZMQError) {
    var value = value
    guard zmq_setsockopt(raw, option, &value, MemoryLayout<Int32>.size) == 0 else {
      throw ZMQError.last("set option \(option) of a ZeroMQ socket to \(value)")
    }
  }

  /// Sets an option whose value is bytes: `ZMQ_SUBSCRIBE`, `ZMQ_ROUTING_ID`.
  public func set(_ option: Int32, _ value: [UInt8]) throws(ZMQError) {
    guard zmq_setsockopt(raw, option, value, value.count) == 0 else {
      throw ZMQError.last("set option \(option) of a ZeroMQ socket")
    }
  }

  /// Closes connections of peers that send a larger part.
  public func limitParts(to bytes: Int64) throws(ZMQError) {
    var bytes = bytes
    guard zmq_setsockopt(raw, ZMQ_MAXMSGSIZE, &bytes, MemoryLayout<Int64>.size) == 0 else {
      throw ZMQError.last("limit the size of messages")
    }
  }

  public func bind(_ endpoint: String) throws(ZMQError) {
    try prepare(for: endpoint)
    guard zmq_bind(raw, endpoint) == 0 else { throw ZMQError.last("listen on \(endpoint)") }
  }

  public func connect(_ endpoint: String) throws(ZMQError) {
    try prepare(for: endpoint)
    guard zmq_connect(raw, endpoint) == 0 else { throw ZMQError.last("connect to \(endpoint)") }
  }

  private func prepare(for endpoint: String) throws(ZMQError) {
    if endpoint.contains("[") { try set(ZMQ_IPV6, 1) }
  }

  /// Ends a connection; one that does not exist is no error.
  public func disconnect(_ endpoint: String) {
    _ = zmq_disconnect(raw, endpoint)
  }

  /// Sends the chosen events of this socket's connections to an `inproc` endpoint.
  public func monitor(_ endpoint: String, events: Int32) throws(ZMQError) {
    guard zmq_socket_monitor(raw, endpoint, events) == 0 else { throw ZMQError.last("watch a socket's connections") }
  }

  /// Where the last `bind` listens, with the port that the system chose.
  public func lastEndpoint() throws(ZMQError) -> String {
    var text = [UInt8](repeating: 0, count: 256)
    var size = text.count
    guard zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else {
      throw ZMQError.last("read a ZeroMQ socket's endpoint")
    }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The descriptor that becomes readable when `events` may have changed. It is edge-triggered, and every send and
  /// receive can take the edge away: read `events` after each of them.
  public func descriptor() throws(ZMQError) -> Int32 {
    var value: Int32 = -1
    var size = MemoryLayout<Int32>.size
    guard zmq_getsockopt(raw, ZMQ_FD, &value, &size) == 0 else {
      throw ZMQError.last("read a ZeroMQ socket's descriptor")
    }
    return value
  }

  /// Whether a message can be received now.
  public var canReceive: Bool { events & ZMQ_POLLIN != 0 }

  private var events: Int32 {
    var value: Int32 = 0
    var size = MemoryLayout<Int32>.size
    while zmq_getsockopt(raw, ZMQ_EVENTS, &value, &size) != 0 {
      guard zmq_errno() == EINTR else { return 0 }
    }
    return value
  }
}

extension ZMQSocket {
  /// Sends one message.
  /// - Returns: false when it cannot be queued now because the peer's queue is full or nobody is connected.
  @discardableResult
  public func send(_ frames: Frames) throws(ZMQError) -> Bool {
    for (index, frame) in frames.enumerated() {
      let flags = ZMQ_DONTWAIT | (index < frames.count - 1 ? ZMQ_SNDMORE : 0)
      while zmq_send(raw, frame, frame.count, flags) == -1 {
        switch zmq_errno() {
        case EINTR: continue
        // Only the first part can meet a full queue: libzmq takes a message whole.
        case EAGAIN where index == 0: return false
        default: throw ZMQError.last("send a message")
        }
      }
    }
    return true
  }

  /// Receives one message, or nil when none is there.
  public func receive() throws(ZMQError) -> Frames? {
    guard try receivePart() else { return nil }
    var frames: Frames = [part]
    frames.reserveCapacity(8)
    while zmq_msg_more(message) == 1 {
      // The parts of a message arrive together, so the next one is there.
      guard try receivePart() else { throw ZMQError(code: EAGAIN, action: "receive the rest of a message") }
      frames.append(part)
    }
    return frames
  }

  /// The descriptor of the connection that the message received last came through; -1 when unknown.
  public var lastSource: Int32 { zmq_msg_get(message, ZMQ_SRCFD) }

  private func receivePart() throws(ZMQError) -> Bool {
    while zmq_msg_recv(message, raw, ZMQ_DONTWAIT) == -1 {
      switch zmq_errno() {
      case EINTR: continue
      case EAGAIN: return false
      default: throw ZMQError.last("receive a message")
      }
    }
    return true
  }

  private var part: [UInt8] {
    Array(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message)))
  }
}
