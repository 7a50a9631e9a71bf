// The client's side of one kernel, in blocking style.
import CZeroMQ
import Glibc
import JSON

/// A client of one kernel, confined to one thread; see `KernelConnection` for use from async code.
///
///     let client = try KernelClient(ConnectionFile(reading: path))
///     try client.waitUntilReady(timeout: .seconds(10))
///     let reply = try client.execute(ExecuteRequest("1 + 1")) { output in … }
public final class KernelClient {
  /// How eagerly a connection that fails is tried again.
  public enum Reconnect: Sendable {
    /// Every 1 to 2 ms, for kernels that start right now.
    case eager
    /// After 1 ms, doubling to 200 ms.
    case patient
  }

  public let connection: ConnectionFile
  public let session: MessageSession
  /// Signal this from any thread or signal handler to interrupt the kernel while a call of this client waits.
  public let interruption: Wakeup
  let shell: ZMQSocket
  let iopub: ZMQSocket
  let stdin: ZMQSocket
  let control: ZMQSocket
  private let context: ZMQContext
  private var heartbeatSocket: ZMQSocket?
  /// Tells when the connection to the kernel's shell breaks.
  let monitor: ZMQSocket
  /// Messages that were refused because they were malformed or not signed with the key.
  public internal(set) var refusedMessages = 0
  var hasOutputs = false

  /// While input is asked for: takes outputs, and tells whether it still is.
  var isAsking: (() -> Bool)?

  /// Outputs that had come before an interrupt was sent are still being taken.
  public internal(set) var isCatchingUp = false

  /// How often a connection to the kernel broke, as far as it was noticed.
  var breaks = 0

  /// How often a connection to the kernel has broken: after that, it may be another process.
  public func countBreaks() throws(KernelClientError) -> Int {
    try forgetDisconnections()
    return breaks
  }

  /// Begins to connect; the kernel may start later.
  public init(_ connection: ConnectionFile, reconnect: Reconnect = .patient) throws(ZMQError) {
    let context = try ZMQContext()
    let session = MessageSession(key: connection.key)
    func connect(_ kind: ZMQSocket.Kind, _ channel: ConnectionFile.Channel) throws(ZMQError) -> ZMQSocket {
      let socket = try ZMQSocket(kind, in: context)
      try socket.setUpClient(reconnect)
      if kind == .sub {
        try socket.set(ZMQ_SUBSCRIBE, [])
        // When this queue is full, that of the kernel fills, and then the kernel waits for us.
        try socket.set(ZMQ_RCVHWM, 1000)
      } else {
        // The same on all channels: kernels send input requests to the identity that came with the execution.
        try socket.set(ZMQ_ROUTING_ID, Array(session.id.utf8))
      }
      if channel == .shell {
        try socket.monitor("inproc://shell-monitor", events: ZMQ_EVENT_DISCONNECTED)
      }
      try socket.connect(connection.endpoint(channel))
      return socket
    }
    // First, so that a kernel which answers at once already knows whom to send outputs to.
    iopub = try connect(.sub, .iopub)
    shell = try connect(.dealer, .shell)
    stdin = try connect(.dealer, .stdin)
    control = try connect(.dealer, .control)
    monitor = try ZMQSocket(.pair, in: context)
    try monitor.connect("inproc://shell-monitor")
    interruption = try Wakeup()
    self.connection = connection
    self.session = session
    self.context = context
  }

  deinit {
    // Requests such as an interrupt that were just sent may still leave.
    for socket in [shell, control, stdin] { try? socket.set(ZMQ_LINGER, 200) }
  }

  /// Whether the kernel echoes a heartbeat within the time: it lives, busy or not.
  public func heartbeat(timeout: Duration = .seconds(1)) throws(ZMQError) -> Bool {
    let deadline = MonotonicTime.after(timeout)
    if heartbeatSocket == nil {
      let socket = try ZMQSocket(.dealer, in: context)
      try socket.setUpClient(.patient)
      try socket.connect(connection.endpoint(.heartbeat))
      heartbeatSocket = socket
    }
    guard let socket = heartbeatSocket else { return false }
    // Not the echo of an earlier beat that came too late.
    let payload = session.header("heartbeat").raw
    // The empty part is what REP sockets expect of a DEALER.
    try socket.send([[], payload])
    var poller = ZMQPoller()
    poller.add(socket)
    while try poller.wait(until: deadline) {
      while let frames = try socket.receive() {
        if frames.last == payload { return true }
      }
    }
    return false
  }
}

extension ZMQSocket {
  func setUpClient(_ reconnect: KernelClient.Reconnect) throws(ZMQError) {
    try setReconnect(reconnect)
    try set(ZMQ_TCP_KEEPALIVE, 1)
    try set(ZMQ_LINGER, 0)
  }

  /// For connections that are made afterwards.
  func setReconnect(_ reconnect: KernelClient.Reconnect) throws(ZMQError) {
    try set(ZMQ_RECONNECT_IVL, 1)
    try set(ZMQ_RECONNECT_IVL_MAX, reconnect == .eager ? 0 : 200)
  }
}
