// Requests with one reply: kernel_info, is_complete, complete, shutdown, …
import CZeroMQ
import Glibc
import JSON

extension KernelClient {
  public enum RequestChannel: Sendable { case shell, control }

  /// Sends a request and waits for its reply's content. Outputs that arrive meanwhile are dropped.
  /// - Parameter timeout: nil waits for as long as the kernel lives.
  public func request(
    _ type: String, _ content: JSON = .object([:]), on channel: RequestChannel = .shell, timeout: Duration?
  ) throws(KernelClientError) -> JSON {
    let socket = channel == .shell ? shell : control
    let header = session.header(type)
    let deadline = timeout.map { MonotonicTime.after($0) }
    try forgetDisconnections()
    try send(header, content, on: socket)
    var waiting = Waiting(self, for: [socket, iopub])
    while true {
      try drainOutputs()
      while let message = try next(on: socket) {
        if message.parent?.id == header.id { return message.content }
      }
      guard try waiting.wait(until: deadline) else { throw .timedOut(what: type) }
    }
  }

  /// The content of `kernel_info_reply`.
  public func kernelInfo(timeout: Duration) throws(KernelClientError) -> JSON {
    try request("kernel_info_request", timeout: timeout)
  }

  /// Waits until the kernel answers and our subscription to its outputs is in force, so that none is lost.
  /// - Returns: the content of `kernel_info_reply`.
  @discardableResult
  public func waitUntilReady(timeout: Duration) throws(KernelClientError) -> JSON {
    let deadline = MonotonicTime.after(timeout)
    var info: JSON?
    try forgetDisconnections()
    while true {
      if hasOutputs, let info { return info }
      // Kernels that do not speak iopub_welcome show their subscription by the status of this request; it is asked
      // again until one gets through.
      let header = session.header("kernel_info_request")
      if info == nil || !hasOutputs { try send(header, .object([:]), on: shell) }
      let retry = min(deadline, .after(.milliseconds(info == nil ? 1000 : 50)))
      var waiting = Waiting(self, for: [shell, iopub], survivesDisconnection: true)
      while !retry.isOver {
        while let message = try next(on: shell) {
          if message.type == "kernel_info_reply" { info = message.content }
        }
        try drainOutputs()
        if hasOutputs && info != nil { break }
        _ = try waiting.wait(until: retry)
      }
      if deadline.isOver && !(hasOutputs && info != nil) { throw .timedOut(what: "kernel_info_request") }
    }
  }

  /// Waits until our subscription to the kernel's outputs is in force. Unlike `waitUntilReady`, this does not wait for
  /// other clients' code, if the kernel speaks iopub_welcome.
  /// - Parameter deadline: nil waits for as long as the kernel has a heartbeat.
  public func waitForOutputs(until deadline: MonotonicTime? = nil) throws(KernelClientError) {
    try forgetDisconnections()
    var nextQuestion = MonotonicTime.after(.milliseconds(100))
    var nextBeat = MonotonicTime.after(.seconds(5))
    var waiting = Waiting(self, for: [shell, iopub], survivesDisconnection: true)
    while true {
      try drainOutputs()
      while try next(on: shell) != nil {}
      if hasOutputs { return }
      if let deadline, deadline.isOver { throw .timedOut(what: "our subscription to its outputs") }
      if nextQuestion.isOver {
        // Its status is an output, from which kernels without iopub_welcome show that we are subscribed.
        try send(session.header("kernel_info_request"), .object([:]), on: shell)
        nextQuestion = .after(.seconds(1))
      }
      if nextBeat.isOver {
        let isAlive = try translated { () throws(ZMQError) in try heartbeat(timeout: .seconds(1)) }
        if !isAlive { throw .timedOut(what: "a heartbeat") }
        nextBeat = .after(.seconds(5))
      }
      _ = try waiting.wait(until: min(nextQuestion, nextBeat, deadline ?? nextBeat))
    }
  }

  /// Whether code could be executed as it stands.
  public enum Completeness: Sendable, Hashable {
    case complete
    /// More lines are needed; the next may begin with this indentation.
    case incomplete(indent: String)
    case invalid
    case unknown
  }

  public func isComplete(_ code: String, timeout: Duration = .seconds(1)) throws(KernelClientError) -> Completeness {
    let reply = try request("is_complete_request", ["code": .string(code)], timeout: timeout)
    switch reply["status"]?.string {
    case "complete": return .complete
    case "incomplete": return .incomplete(indent: reply["indent"]?.string ?? "")
    case "invalid": return .invalid
    default: return .unknown
    }
  }

  /// Completions of `code` at `cursor`, which counts Unicode scalars; the content of `complete_reply`.
  public func complete(_ code: String, cursor: Int, timeout: Duration = .seconds(1)) throws(KernelClientError) -> JSON {
    try request("complete_request", ["code": .string(code), "cursor_pos": JSON(cursor)], timeout: timeout)
  }

  /// Stops what the kernel executes; the execution ends with an error.
  public func interrupt(timeout: Duration = .seconds(5)) throws(KernelClientError) {
    _ = try request("interrupt_request", on: .control, timeout: timeout)
  }

  /// Asks the kernel to end.
  /// - Parameter restart: whether somebody will start it again, as other clients are told.
  public func shutdown(restart: Bool = false, timeout: Duration = .seconds(5)) throws(KernelClientError) {
    _ = try request("shutdown_request", ["restart": .bool(restart)], on: .control, timeout: timeout)
  }
}

// MARK: Parts

extension KernelClient {
  func send(
    _ header: MessageHeader, _ content: JSON, on socket: ZMQSocket, parent: MessageHeader? = nil,
    metadata: JSON = .object([:])
  ) throws(KernelClientError) {
    let frames = session.frames(header, parent: parent, content: content.encoded(), metadata: metadata.encoded())
    try translated { () throws(ZMQError) in
      // A DEALER's queue is full only when a thousand requests wait for a kernel that does not read.
      guard try socket.send(frames) else { throw ZMQError(code: EAGAIN, action: "send a request: too many wait") }
    }
  }

  /// The next message that is valid, or nil when none is there.
  func next(on socket: ZMQSocket) throws(KernelClientError) -> JupyterMessage? {
    while let frames = try translated({ () throws(ZMQError) in try socket.receive() }) {
      do { return try session.parse(frames) } catch { refusedMessages += 1 }
    }
    return nil
  }

  func drainOutputs() throws(KernelClientError) {
    while try next(on: iopub) != nil { hasOutputs = true }
  }

  /// Takes the news of broken connections. After one, the subscription to outputs has to be made again.
  /// - Returns: whether there were any.
  @discardableResult
  func forgetDisconnections() throws(KernelClientError) -> Bool {
    var isLost = false
    while try translated({ () throws(ZMQError) in try monitor.receive() }) != nil { isLost = true }
    if isLost {
      hasOutputs = false
      breaks += 1
    }
    return isLost
  }

  func translated<T>(_ body: () throws(ZMQError) -> T) throws(KernelClientError) -> T {
    do { return try body() } catch { throw .socket(error) }
  }

  /// Waits for the next message, sends interrupts on demand, and notices when the kernel ends.
  struct Waiting {
    /// What a signal of `interruption` does.
    enum Interruption {
      case abandon
      /// Interrupts the kernel; the second one throws, for a kernel that does not react.
      case forward
      /// The same, but the interrupt is sent when `forwardFromNowOn` is called.
      case holdBack
    }

    private var poller = ZMQPoller()
    private let client: KernelClient
    private let monitor: Int
    private let interruption: Int
    private var reaction: Interruption
    private var heldBack = false
    /// The id of the interrupt that was sent; until it is answered, it may reach what is executed next.
    private var interrupt: String?
    private let survivesDisconnection: Bool
    private var disconnected: MonotonicTime?

    /// - Parameters:
    ///   - sockets: those that the caller reads before each wait.
    ///   - survivesDisconnection: for callers that repeat their request.
    init(
      _ client: KernelClient, for sockets: [ZMQSocket], survivesDisconnection: Bool = false,
      interruption reaction: Interruption = .abandon
    ) {
      self.reaction = reaction
      self.client = client
      self.survivesDisconnection = survivesDisconnection
      monitor = poller.add(client.monitor)
      interruption = poller.add(descriptor: client.interruption.descriptor)
      for socket in sockets { poller.add(socket) }
    }

    /// - Returns: false when the time is over.
    mutating func wait(until deadline: MonotonicTime?) throws(KernelClientError) -> Bool {
      // What the kernel sent before it ended may still be on its way from libzmq's thread to us.
      let limit = disconnected.map { min(deadline ?? $0, $0) } ?? deadline
      let isReady = try client.translated { () throws(ZMQError) in try poller.wait(until: limit) }
      if !isReady {
        if disconnected != nil { throw .disconnected }
        return false
      }
      if poller.isReadable(monitor) {
        let isLost = try client.forgetDisconnections()
        if isLost && !survivesDisconnection { disconnected = disconnected ?? .after(.milliseconds(100)) }
      }
      if poller.isReadable(interruption) && client.interruption.clear() {
        if reaction == .abandon { throw .interrupted }
        if reaction == .holdBack { heldBack = true } else { try sendInterrupt() }
        reaction = .abandon
      }
      return true
    }

    mutating func forwardFromNowOn() throws(KernelClientError) {
      if reaction == .holdBack { reaction = .forward }
      guard heldBack else { return }
      heldBack = false
      try sendInterrupt()
    }

    /// Waits until the kernel has answered the interrupt, if one was sent, as long as it lives and nobody gives up.
    func awaitAnswer(within patience: Duration) {
      guard let interrupt else { return }
      let deadline = MonotonicTime.after(patience)
      var waiting = Waiting(client, for: [client.control])
      do {
        repeat {
          while let message = try client.next(on: client.control) {
            if message.parent?.id == interrupt { return }
          }
        } while try waiting.wait(until: deadline)
      } catch {
        // The execution itself is over.
      }
    }

    private mutating func sendInterrupt() throws(KernelClientError) {
      let header = client.session.header("interrupt_request")
      try client.send(header, .object([:]), on: client.control)
      interrupt = header.id
      client.isCatchingUp = true
    }
  }
}
