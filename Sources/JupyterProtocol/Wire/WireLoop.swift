// The loop of the wire thread: commands, sockets and deadlines, all through one epoll set.
import CZeroMQ
import JSON
import Synchronization

enum ControlRequest: Sendable {
  case interrupt(UInt64)
  case shutdown(restart: Bool)
}

enum WireCommand: Sendable {
  case probe(UInt64, ConnectionFile, filtered: Bool)
  case watch(UInt64, ConnectionFile, filtered: Bool)
  case unwatch(UInt64)
  case beat(UInt64, Duration)
  case control(UInt64, ConnectionFile, ControlRequest)
  case openLink(UInt64, ConnectionFile, any KernelLinkReceiver)
  case send(Frames, link: UInt64, ConnectionFile.Channel, from: (any KernelLinkSender)?, bytes: Int)
  case resumeLink(UInt64)
  case closeLink(UInt64)
  case stop
}

final class WireLoop: @unchecked Sendable {
  // `commands`, `wakeup`, `interval` and `onEvent` are Sendable. Everything else is made before the wire thread starts
  // and belongs to that thread from then on: only `run` and what it calls touches it.
  private let commands = Mutex<[WireCommand]>([])
  private let wakeup: Wakeup
  let interval: Duration
  let onEvent: @Sendable (WireEvent) -> Void

  let context: ZMQContext
  let epoll: Epoll
  private let timer: Timer
  var deadlines = DeadlineQueue<Deadline>()
  private var alarm: MonotonicTime?
  var nextTag = Tag.firstSocket

  /// Descriptors in the epoll set that are no kernel's.
  enum Tag {
    static let commands: UInt64 = 0
    static let timer: UInt64 = 1
    static let filteredStates: UInt64 = 2
    static let allStates: UInt64 = 3
    static let firstSocket: UInt64 = 4
  }

  /// Something to do later; it is void if its subject has gone or been replaced, which the number tells.
  enum Deadline {
    case beat(token: UInt64, number: UInt64)
    case probe(token: UInt64, tag: UInt64)
    case hearing(token: UInt64, tag: UInt64)
    case failedProbe(token: UInt64, number: UInt64)
    case control(tag: UInt64)
    case join(link: UInt64)
    case hold(link: UInt64, number: UInt64)
  }

  /// What a socket of one kernel is for.
  enum Purpose {
    case heartbeat(token: UInt64)
    case probe(token: UInt64)
    case control
    case link(UInt64, ConnectionFile.Channel)
  }

  /// Sockets that had more messages than one turn takes. Their descriptors are edge-triggered and stay silent.
  var unread: Set<UInt64> = []
  var purposes: [UInt64: Purpose] = [:]
  var watched: [UInt64: WatchedKernel] = [:]
  var heard: [UInt64: HeardKernel] = [:]
  var probes: [UInt64: Probe] = [:]
  /// Tokens by the sessions of their last probes.
  var askers: [String: UInt64] = [:]
  /// Probes without a socket, which could not be made.
  var failedProbes: [UInt64: (connection: ConnectionFile, number: UInt64)] = [:]
  var controls: [UInt64: ControlCall] = [:]
  var links: [UInt64: KernelLink] = [:]
  /// Links that something came through in this turn.
  var arrivals: Set<UInt64> = []
  /// Sessions of kernels, as their replies to probes named them.
  var tokens: [String: UInt64] = [:]
  let filteredStates: ZMQSocket
  let allStates: ZMQSocket

  init(
    interval: Duration, maxSockets: Int32, onEvent: @escaping @Sendable (WireEvent) -> Void
  ) throws(ZMQError) {
    self.interval = interval
    self.onEvent = onEvent
    context = try ZMQContext(maxSockets: maxSockets)
    wakeup = try Wakeup()
    timer = try Timer()
    epoll = try Epoll()
    filteredStates = try WireLoop.subscriber(to: "kernel.", in: context)
    allStates = try WireLoop.subscriber(to: "", in: context)
    try epoll.add(wakeup.descriptor, tag: Tag.commands)
    try epoll.add(timer.descriptor, tag: Tag.timer)
    try epoll.add(filteredStates.descriptor(), tag: Tag.filteredStates)
    try epoll.add(allStates.descriptor(), tag: Tag.allStates)
  }

  /// Callable from every thread.
  func post(_ command: WireCommand) {
    let isFirst = commands.withLock { commands in
      commands.append(command)
      return commands.count == 1
    }
    // Whoever found the list empty has signalled, or is about to.
    if isFirst { wakeup.signal() }
  }

  func run() {
    while true {
      // epoll fails only for arguments that are wrong, which these are not.
      guard let news = try? epoll.wait(blocking: unread.isEmpty) else { return }
      let tags = news + unread.filter { !news.contains($0) }
      unread = []
      for tag in tags {
        switch tag {
        case Tag.commands: if !carryOutCommands() { return }
        case Tag.timer:
          timer.clear()
          alarm = nil
        case Tag.filteredStates: readStates(filteredStates, filtered: true)
        case Tag.allStates: readStates(allStates, filtered: false)
        default: read(tag)
        }
      }
      deliverArrivals()
      meetDeadlines()
    }
  }

  /// - Returns: false when the loop shall end.
  private func carryOutCommands() -> Bool {
    wakeup.clear()
    let pending = commands.withLock { commands in
      defer { commands = [] }
      return commands
    }
    for command in pending {
      switch command {
      case .probe(let token, let connection, let filtered):
        attempt(token) { () throws(ZMQError) in try listen(token, connection, filtered: filtered, .eager) }
        attemptProbe(token, connection, .eager)
      case .watch(let token, let connection, let filtered):
        attempt(token) { () throws(ZMQError) in try startWatch(token, connection, filtered: filtered) }
      case .unwatch(let token): forget(token)
      case .beat(let token, let timeout): beat(token, until: .after(timeout))
      case .control(let token, let connection, let request):
        let isSent = attempt(token) { () throws(ZMQError) in try startControl(token, connection, request) }
        if !isSent { report(request, of: token, isAnswered: false) }
      case .openLink(let link, let connection, let receiver): openLink(link, connection, receiver)
      case .send(let frames, let link, let channel, let sender, let bytes):
        send(frames, on: link, channel, from: sender, bytes: bytes)
      case .resumeLink(let link): resumeLink(link)
      case .closeLink(let link): closeLink(link)
      case .stop: return false
      }
    }
    return true
  }

  /// - Returns: false if it failed, which was told.
  @discardableResult
  func attempt(_ token: UInt64, _ body: () throws(ZMQError) -> Void) -> Bool {
    do { try body() } catch {
      onEvent(.failed(token: token, error))
      return false
    }
    return true
  }

  private func read(_ tag: UInt64) {
    switch purposes[tag] {
    case .heartbeat(let token): readHeartbeat(token)
    case .probe(let token): readProbe(token)
    case .control: readControl(tag)
    case .link(let link, let channel): readLink(link, channel)
    // Closed by an event of the same batch.
    case nil: break
    }
  }

  private func meetDeadlines() {
    let now = MonotonicTime.now
    while let deadline = deadlines.popDue(at: now) {
      switch deadline {
      case .beat(let token, let number): beatIsDue(token, number)
      case .probe(let token, let tag): probeIsDue(token, tag)
      case .hearing(let token, let tag): hearingIsDue(token, tag)
      case .failedProbe(let token, let number): failedProbeIsDue(token, number)
      case .control(let tag): controlIsDue(tag)
      case .join(let link): joinIsDue(link)
      case .hold(let link, let number): holdIsDue(link, number)
      }
    }
    if let earliest = deadlines.earliest, alarm.map({ earliest < $0 }) ?? true {
      alarm = earliest
      timer.set(earliest)
    }
  }

  // MARK: Sockets

  /// Makes a socket of one kernel and waits for it from now on.
  func open(
    _ endpoint: String, _ reconnect: KernelClient.Reconnect, purpose: Purpose, identity: [UInt8]? = nil
  ) throws(ZMQError) -> WireSocket {
    let socket = try ZMQSocket(.dealer, in: context)
    try socket.setUpClient(reconnect)
    if let identity { try socket.set(ZMQ_ROUTING_ID, identity) }
    return try attach(socket, to: endpoint, purpose: purpose)
  }

  /// Connects a socket and waits for it from now on.
  func attach(_ socket: ZMQSocket, to endpoint: String, purpose: Purpose) throws(ZMQError) -> WireSocket {
    let descriptor = try socket.descriptor()
    try socket.connect(endpoint)
    let tag = nextTag
    try epoll.add(descriptor, tag: tag)
    nextTag += 1
    purposes[tag] = purpose
    return WireSocket(socket: socket, tag: tag, descriptor: descriptor)
  }

  /// Stops waiting for a socket; it closes when the last reference goes.
  func close(_ socket: WireSocket) {
    epoll.remove(socket.descriptor)
    purposes[socket.tag] = nil
  }

  private static func subscriber(to topic: String, in context: ZMQContext) throws(ZMQError) -> ZMQSocket {
    let socket = try ZMQSocket(.sub, in: context)
    try socket.set(ZMQ_LINGER, 0)
    try socket.set(ZMQ_SUBSCRIBE, Array(topic.utf8))
    return socket
  }

  /// Ends everything that belongs to a kernel.
  func forget(_ token: UInt64) {
    endProbe(token)
    failedProbes[token] = nil
    if let kernel = watched.removeValue(forKey: token) { close(kernel.heartbeat) }
    stopListening(token)
    for (tag, call) in controls where call.token == token {
      controls[tag] = nil
      close(call.socket)
    }
    tokens = tokens.filter { $0.value != token }
    askers = askers.filter { $0.value != token }
  }
}

/// A socket in the epoll set.
struct WireSocket {
  let socket: ZMQSocket
  let tag: UInt64
  let descriptor: Int32
}
