// The service thread of a kernel: heartbeat, control, new subscribers and gathered output. It sleeps in epoll.
import CZeroMQ
import JSON

/// Owner of the heartbeat and control sockets.
final class ServiceLoop: @unchecked Sendable {
  // The sockets and the epoll set are made before the service thread starts, used by it alone while it runs, and
  // touched again only after it was joined (`setLinger`); both moments are fences. The rest is Sendable.
  private let control: ZMQSocket
  private let heartbeat: ZMQSocket
  private let epoll: Epoll
  private let publisher: IOPubPublisher
  private let session: MessageSession
  private let stopping: Wakeup
  let attention: Wakeup
  private let onProblem: @Sendable (ConnectionFile.Channel, MessageError) -> Void

  private enum Tag {
    static let stop: UInt64 = 0
    static let control: UInt64 = 1
    static let heartbeat: UInt64 = 2
    static let subscribers: UInt64 = 3
    static let output: UInt64 = 4
    static let attention: UInt64 = 5
  }

  init(
    control: ZMQSocket, heartbeat: ZMQSocket, publisher: IOPubPublisher, session: MessageSession,
    onProblem: @escaping @Sendable (ConnectionFile.Channel, MessageError) -> Void
  ) throws(ZMQError) {
    self.control = control
    self.heartbeat = heartbeat
    self.publisher = publisher
    self.session = session
    self.onProblem = onProblem
    stopping = try Wakeup()
    attention = try Wakeup()
    epoll = try Epoll(batch: 8)
    try epoll.add(stopping.descriptor, tag: Tag.stop)
    try epoll.add(attention.descriptor, tag: Tag.attention)
    try epoll.add(control.descriptor(), tag: Tag.control)
    try epoll.add(heartbeat.descriptor(), tag: Tag.heartbeat)
    try epoll.add(publisher.descriptor, tag: Tag.subscribers)
    try epoll.add(publisher.timer.descriptor, tag: Tag.output)
  }

  func stop() { stopping.signal() }

  func setLinger(_ linger: Duration) {
    // Refused: the socket closes without lingering.
    try? control.set(ZMQ_LINGER, Int32(linger.components.seconds * 1000))
  }

  func run(_ answer: @Sendable (JupyterMessage) -> KernelServer.Reply?, onAttention: @Sendable () -> Void) {
    while true {
      // What came before the thread ran has no edge left to wake it: look first, wait afterwards.
      beat()
      serveControl(answer)
      publisher.serveSubscribers()
      // epoll fails only for arguments that are wrong, which these are not.
      guard let tags = try? epoll.wait() else { return }
      if tags.contains(Tag.output) { publisher.flushDue() }
      if tags.contains(Tag.attention) && attention.clear() { onAttention() }
      if tags.contains(Tag.stop) { return }
    }
  }

  private func beat() {
    while heartbeat.canReceive, let frames = try? heartbeat.receive() {
      // A peer that is gone or does not read loses its beat.
      _ = try? heartbeat.send(frames)
    }
  }

  private func serveControl(_ answer: @Sendable (JupyterMessage) -> KernelServer.Reply?) {
    while control.canReceive, let frames = try? control.receive() {
      do {
        let request = try session.parse(frames)
        publisher.statusOfService(.busy, parent: request.header)
        if let reply = answer(request) {
          let frames = session.frames(
            session.header(reply.type), identities: request.identities, parent: request.header,
            content: reply.content, metadata: reply.metadata)
          _ = try? control.send(frames)  // a client that is gone loses its answer
        }
        publisher.statusOfService(.idle, parent: request.header)
      } catch {
        onProblem(.control, error)
      }
    }
  }
}
