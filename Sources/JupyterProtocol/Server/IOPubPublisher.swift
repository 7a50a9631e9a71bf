// The iopub channel of a kernel: status, streams, results, and the welcome for each new subscriber.
import CZeroMQ
import Glibc
import JSON
import Synchronization

/// Publishes to all clients of a kernel. Every thread may use it.
///
/// Streams are gathered and sent after `delay` at the latest. A subscriber that does not keep up holds the program back
/// for `patience` at most; then it loses messages until its queue (`highWater` messages) has room again.
public final class IOPubPublisher: Sendable {
  private struct State {
    let socket: ZMQSocket
    var buffer = StreamBuffer()
    var isTimerSet = false
    /// Some subscriber's queue stayed full, so nobody waits for it.
    var isSomeoneStuck = false
  }

  static let highWater: Int32 = 500
  static let chunk = 16 << 10
  static let delay = Duration.milliseconds(3)
  static let patience = Duration.seconds(1)

  /// Readable when subscribers have come or gone; see `serveSubscribers`.
  let descriptor: Int32
  /// Rings when gathered text is due; see `flushDue`.
  let timer: Timer
  public let endpoint: String
  private let session: MessageSession
  private let topic: String
  private let state: Mutex<State>

  init(endpoint: String, in context: ZMQContext, session: MessageSession, kernelID: String) throws(ZMQError) {
    let socket = try ZMQSocket(.xpub, in: context)
    try socket.set(ZMQ_XPUB_VERBOSE, 1)
    try socket.set(ZMQ_XPUB_NODROP, 1)
    try socket.set(ZMQ_SNDHWM, IOPubPublisher.highWater)
    try socket.set(ZMQ_TCP_KEEPALIVE, 1)
    try socket.limitParts(to: 64 << 10)  // subscriptions are short
    try socket.bind(endpoint)
    self.endpoint = try socket.lastEndpoint()
    descriptor = try socket.descriptor()
    timer = try Timer()
    self.session = session
    topic = "kernel.\(kernelID).status"
    state = Mutex(State(socket: socket))
  }

  // MARK: Messages

  public enum Status: String, Sendable {
    case starting, busy, idle
  }

  /// Publishes a message, after all text that was written before it.
  /// - Parameters:
  ///   - topic: what subscribers filter by; the message's type if nil.
  ///   - content: a JSON object as bytes.
  public func publish(
    _ type: String, topic: String? = nil, parent: MessageHeader?, content: [UInt8],
    metadata: [UInt8] = Array("{}".utf8), buffers: Frames = []
  ) {
    flush()
    let frames = self.frames(
      type, topic: topic ?? type, parent: parent, content: content, metadata: metadata, buffers: buffers)
    persist(waits: true) { self.send(frames, &$0) }
  }

  /// Publishes the kernel's state, on a topic that a host can subscribe to for all kernels: `kernel.<id>.status`.
  public func status(_ status: Status, parent: MessageHeader?) {
    publish("status", topic: topic, parent: parent, content: status.content)
  }

  /// Writes text to a stream, `stdout` or `stderr`. It is sent when enough has gathered or after a few milliseconds.
  public func write(_ text: UnsafeRawBufferPointer, stream: String, parent: MessageHeader?) {
    var rest = text
    while !rest.isEmpty {
      // Parts, so that a huge write does not become one huge message.
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(IOPubPublisher.chunk))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
      var isFull = append(part, stream, parent)
      if isFull == nil {
        flush()  // which leaves nothing behind that could refuse the text
        isFull = append(part, stream, parent)
      }
      if isFull == true, persist(waits: true, { self.sendText(all: false, &$0) }) == .withLoss {
        // Nothing else holds the program back now, and the others' queues must not run full as well.
        poll(nil, 0, 1)
      }
    }
  }

  /// - Returns: whether enough has gathered to be sent; nil, and nothing done, if what is there is of another stream.
  private func append(_ text: UnsafeRawBufferPointer, _ stream: String, _ parent: MessageHeader?) -> Bool? {
    state.withLock { state in
      guard state.buffer.accepts(stream, parent) else { return nil }
      state.buffer.append(text, stream: stream, parent: parent)
      setTimer(&state)
      return state.buffer.count >= IOPubPublisher.chunk
    }
  }

  /// Sends what has gathered.
  public func flush() {
    persist(waits: true) { self.sendText(all: true, &$0) }
  }

  // MARK: For the service thread, which never waits for a subscriber

  func statusOfService(_ status: Status, parent: MessageHeader?) {
    let frames = self.frames("status", topic: topic, parent: parent, content: status.content)
    persist(waits: false) { self.send(frames, &$0) }
  }

  /// Sends what has gathered, or tries again later if a subscriber's queue is full.
  func flushDue() {
    timer.clear()
    state.withLock { state in
      state.isTimerSet = false
      if !sendText(all: false, &state) { setTimer(&state) }
    }
  }

  func serveSubscribers() {
    state.withLock { welcomeSubscribers($0.socket) }
  }

  /// Sends the rest, and lets the socket take up to `linger` for it when it closes.
  func close(linger: Duration) {
    flush()
    state.withLock { state in
      // A socket that refuses the option closes without lingering, which only a late reader would notice.
      try? state.socket.set(ZMQ_LINGER, Int32(linger.components.seconds * 1000))
    }
  }

  // MARK: Sending

  private func frames(
    _ type: String, topic: String, parent: MessageHeader?, content: [UInt8], metadata: [UInt8] = Array("{}".utf8),
    buffers: Frames = []
  ) -> Frames {
    session.frames(
      session.header(type), identities: [Array(topic.utf8)], parent: parent, content: content, metadata: metadata,
      buffers: buffers)
  }

  private enum Delivery {
    case whole
    /// Subscribers whose queues were full did not get it.
    case withLoss
  }

  /// Repeats an attempt to send until all queues have room or, if it may wait, patience is over; then those that are
  /// full lose the message.
  @discardableResult
  private func persist(waits: Bool, _ attempt: @Sendable (inout State) -> Bool) -> Delivery {
    var deadline: MonotonicTime?
    while true {
      let delivery = state.withLock { state -> Delivery? in
        if attempt(&state) { return .whole }
        let isOver = deadline?.isOver ?? false
        guard !waits || state.isSomeoneStuck || isOver else { return nil }
        let isStuck = state.isSomeoneStuck || waits
        withLoss(state.socket) { _ = attempt(&state) }
        state.isSomeoneStuck = isStuck  // which the attempt took away, as if all had got it
        return .withLoss
      }
      if let delivery { return delivery }
      deadline = deadline ?? .after(IOPubPublisher.patience)
      // XPUB sockets do not tell when a queue has room again.
      poll(nil, 0, 1)
    }
  }

  private func withLoss(_ socket: ZMQSocket, _ body: () -> Void) {
    try? socket.set(ZMQ_XPUB_NODROP, 0)  // cannot fail on an XPUB socket
    body()
    try? socket.set(ZMQ_XPUB_NODROP, 1)
  }

  private func sendText(all: Bool, _ state: inout State) -> Bool {
    guard let (content, count) = state.buffer.content(all: all) else { return true }
    let frames = self.frames(
      "stream", topic: "stream.\(state.buffer.stream)", parent: state.buffer.parent, content: content)
    guard send(frames, &state) else { return false }
    state.buffer.remove(count)
    return true
  }

  private func send(_ frames: Frames, _ state: inout State) -> Bool {
    // Errors other than a full queue mean that the context has ended: then nobody listens.
    let isSent = (try? state.socket.send(frames)) ?? true
    if isSent { state.isSomeoneStuck = false }
    // A send can take the edge of the descriptor that tells of new subscribers.
    welcomeSubscribers(state.socket)
    return isSent
  }

  private func setTimer(_ state: inout State) {
    guard !state.isTimerSet else { return }
    state.isTimerSet = true
    timer.set(.after(IOPubPublisher.delay))
  }

  /// Answers each subscription with `iopub_welcome` on its topic, so that a client knows when it will miss nothing.
  private func welcomeSubscribers(_ socket: ZMQSocket) {
    while socket.canReceive, let frames = try? socket.receive(), let request = frames.first {
      guard request.first == 1 else { continue }
      let subscription = Array(request.dropFirst())
      var content = Array(#"{"subscription":"#.utf8)
      JSON.append(escaping: String(decoding: subscription, as: UTF8.self), to: &content)
      content.append(UInt8(ascii: "}"))
      let welcome = session.frames(session.header("iopub_welcome"), identities: [subscription], content: content)
      if (try? socket.send(welcome)) == false { withLoss(socket) { _ = try? socket.send(welcome) } }
    }
  }
}

extension IOPubPublisher.Status {
  fileprivate var content: [UInt8] { Array(#"{"execution_state":"\#(rawValue)"}"#.utf8) }
}
