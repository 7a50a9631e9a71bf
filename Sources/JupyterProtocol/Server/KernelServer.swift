// The sockets of a kernel. Requests on shell are handled by the thread that owns the server; heartbeat, control and
// new subscribers by a service thread, so that they are answered while code runs.
import CZeroMQ
import Glibc
import JSON

/// What a kernel's main thread has to deal with next.
public enum KernelEvent: Sendable {
  /// A request on the shell channel. `source` is the descriptor of the client's connection, -1 when unknown.
  case request(JupyterMessage, source: Int32)
  /// `KernelServer.wakeup` was signalled.
  case woken
  /// The time was over.
  case timedOut
}

/// How a request for input ended.
public enum InputOutcome: Sendable, Hashable {
  case text(String)
  /// `KernelServer.wakeup` was signalled, by an interrupt or a shutdown.
  case interrupted
  /// The client that asked for the execution has no stdin channel.
  case noClient
}

/// The server's side of a kernel's five channels. Confined to the thread that made it, except where noted.
public final class KernelServer {
  /// Where the kernel really listens: ports that the system chose are filled in.
  public let connection: ConnectionFile
  public let session: MessageSession
  /// iopub; usable from every thread.
  public let publisher: IOPubPublisher
  /// Ends a wait of `receive` or `input`; usable from every thread and from signal handlers.
  public let wakeup: Wakeup
  private let context: ZMQContext
  private let shell: ZMQSocket
  private let stdin: ZMQSocket
  private let service: ServiceLoop
  private var serviceThread: SystemThread?
  private let onProblem: @Sendable (ConnectionFile.Channel, MessageError) -> Void

  /// A peer without the key could otherwise make the kernel hold any amount of bytes.
  static let largestPart = Int64(256) << 20

  /// Binds all channels.
  /// - Parameters:
  ///   - requested: ports of 0 are chosen by the system.
  ///   - kernelID: names the topic of `status` messages, `kernel.<id>.status`.
  ///   - onProblem: told of messages that were refused; called from both threads.
  /// - Throws: `ZMQError`, with `isAddressInUse` when somebody has one of the ports.
  public init(
    _ requested: ConnectionFile, kernelID: String,
    onProblem: @escaping @Sendable (ConnectionFile.Channel, MessageError) -> Void = { _, _ in }
  ) throws(ZMQError) {
    var connection = requested
    let context = try ZMQContext(maxSockets: 16)
    let session = MessageSession(key: requested.key, username: "kernel", refusingReplays: true)
    func router(_ channel: ConnectionFile.Channel) throws(ZMQError) -> ZMQSocket {
      let socket = try ZMQSocket(.router, in: context)
      // A client that reconnects takes over its identity from the connection that it lost.
      try socket.set(ZMQ_ROUTER_HANDOVER, 1)
      try socket.set(ZMQ_TCP_KEEPALIVE, 1)
      try socket.limitParts(to: KernelServer.largestPart)
      try socket.bind(requested.endpoint(channel))
      connection.setPort(of: channel, from: try socket.lastEndpoint())
      return socket
    }
    shell = try router(.shell)
    publisher = try IOPubPublisher(
      endpoint: requested.endpoint(.iopub), in: context, session: session, kernelID: kernelID)
    connection.setPort(of: .iopub, from: publisher.endpoint)
    stdin = try router(.stdin)
    try stdin.set(ZMQ_ROUTER_MANDATORY, 1)
    let control = try router(.control)
    let heartbeat = try router(.heartbeat)
    wakeup = try Wakeup()
    service = try ServiceLoop(
      control: control, heartbeat: heartbeat, publisher: publisher, session: session, onProblem: onProblem)
    self.connection = connection
    self.context = context
    self.session = session
    self.onProblem = onProblem
  }

  /// Starts the service thread.
  /// - Parameters:
  ///   - control: answers a request on the control channel with the reply's type and content (a JSON object as
  ///     bytes), or nil for none. Called on the service thread; must not block.
  ///   - onAttention: called on the service thread after `attention` was signalled.
  public func start(
    control: @escaping @Sendable (JupyterMessage) -> Reply?, onAttention: @escaping @Sendable () -> Void = {}
  ) throws(ZMQError) {
    precondition(serviceThread == nil, "the server was started before")
    let service = self.service
    serviceThread = try SystemThread.start(name: "service", stackSize: 512 << 10) {
      service.run(control, onAttention: onAttention)
    }
  }

  /// Calls `onAttention` on the service thread; signal it from handlers of signals, which can do little else.
  public var attention: Wakeup { service.attention }

  /// Ends the service thread and sends what is queued; to be called before the server is released.
  public func stop(linger: Duration = .seconds(1)) {
    service.stop()
    serviceThread?.join()
    serviceThread = nil
    for socket in [shell, stdin] {
      try? socket.set(ZMQ_LINGER, Int32(linger.components.seconds * 1000))  // refused: closes without lingering
    }
    service.setLinger(linger)
    publisher.close(linger: linger)
  }

  /// An answer to a request.
  public struct Reply: Sendable {
    public var type: String
    public var content: [UInt8]
    public var metadata: [UInt8]

    public init(_ type: String, content: [UInt8], metadata: [UInt8] = Array("{}".utf8)) {
      self.type = type
      self.content = content
      self.metadata = metadata
    }

    public init(_ type: String, _ content: JSON) {
      self.init(type, content: content.encoded())
    }
  }

  // MARK: Shell

  /// Waits for the next request. Messages that are malformed or not signed are reported and skipped.
  /// - Parameter deadline: when to give up; nil waits for ever, one that is over only looks.
  public func receive(until deadline: MonotonicTime? = nil) throws(ZMQError) -> KernelEvent {
    var poller = ZMQPoller()
    poller.add(shell)
    let waking = poller.add(descriptor: wakeup.descriptor)
    while true {
      while let frames = try shell.receive() {
        do {
          return .request(try session.parse(frames), source: shell.lastSource)
        } catch {
          onProblem(.shell, error)
        }
      }
      if try !poller.wait(until: deadline) { return .timedOut }
      if poller.isReadable(waking) && wakeup.clear() { return .woken }
    }
  }

  /// Answers a request on shell. A client that is gone is not an error.
  public func reply(_ reply: Reply, to request: JupyterMessage) throws(ZMQError) {
    let frames = session.frames(
      session.header(reply.type), identities: request.identities, parent: request.header, content: reply.content,
      metadata: reply.metadata)
    try shell.send(frames)
  }

  // MARK: Input

  /// Asks the client that sent `request` for a line, and waits for it. Answers to earlier questions are dropped.
  public func input(
    prompt: String, isPassword: Bool = false, for request: JupyterMessage
  ) throws(ZMQError) -> InputOutcome {
    publisher.flush()
    while try stdin.receive() != nil {}
    let content: JSON = ["prompt": .string(prompt), "password": .bool(isPassword)]
    let question = session.frames(
      session.header("input_request"), identities: request.identities, parent: request.header,
      content: content.encoded())
    guard try ask(question) else { return .noClient }
    var poller = ZMQPoller()
    poller.add(stdin)
    let waking = poller.add(descriptor: wakeup.descriptor)
    while true {
      while let frames = try stdin.receive() {
        do {
          let reply = try session.parse(frames)
          if reply.type == "input_reply", reply.identities == request.identities {
            return .text(reply.content["value"]?.string ?? "")
          }
        } catch {
          onProblem(.stdin, error)
        }
      }
      _ = try poller.wait()
      if poller.isReadable(waking) && wakeup.clear() { return .interrupted }
    }
  }

  /// Sends to stdin; a client's stdin connection may be made a little later than that of shell.
  private func ask(_ question: Frames) throws(ZMQError) -> Bool {
    let deadline = MonotonicTime.after(.seconds(1))
    while true {
      do {
        if try stdin.send(question) { return true }
      } catch {
        if error.code != EHOSTUNREACH { throw error }
      }
      if deadline.isOver { return false }
      poll(nil, 0, 5)
    }
  }
}

extension ConnectionFile {
  /// Takes over the port of an endpoint that was bound.
  mutating func setPort(of channel: Channel, from endpoint: String) {
    guard transport == .tcp, self[channel] == 0, let colon = endpoint.lastIndex(of: ":"),
      let port = Int(endpoint[endpoint.index(after: colon)...])
    else { return }
    self[channel] = port
  }
}
