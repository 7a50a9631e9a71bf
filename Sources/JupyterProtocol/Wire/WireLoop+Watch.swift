// Heartbeats and states of the kernels that are watched.
import JSON

/// A kernel that the wire thread sends heartbeats to.
struct WatchedKernel {
  let heartbeat: WireSocket
  /// Counts beats; the echo of an earlier one does not answer a later one.
  var beats: UInt64 = 0
  var isAnswered = true
}

/// A kernel to whose iopub one of the two sockets of states is connected.
struct HeardKernel {
  let connection: ConnectionFile
  let signer: Signer
  let filtered: Bool
  let reconnect: KernelClient.Reconnect
}

extension WireLoop {
  func startWatch(_ token: UInt64, _ connection: ConnectionFile, filtered: Bool) throws(ZMQError) {
    if let earlier = watched.removeValue(forKey: token) { close(earlier.heartbeat) }
    let socket = try open(connection.endpoint(.heartbeat), .patient, purpose: .heartbeat(token: token))
    watched[token] = WatchedKernel(heartbeat: socket)
    try listen(token, connection, filtered: filtered, .patient)
    // At a random point of the interval, so that kernels which a new host adopts do not beat all at once.
    let wait = interval * Double.random(in: 0.2...1.2)
    deadlines.insert(.beat(token: token, number: 0), at: .after(wait))
  }

  // MARK: Listening

  /// Does nothing if this kernel is heard already.
  func listen(
    _ token: UInt64, _ connection: ConnectionFile, filtered: Bool, _ reconnect: KernelClient.Reconnect
  ) throws(ZMQError) {
    if let known = heard[token] {
      if known.connection == connection, known.filtered == filtered { return }
      stopListening(token)
    }
    let socket = states(filtered)
    // Connecting may take the socket's signal of a message that has just come (ZMQ_FD is edge-triggered).
    defer { readStates(socket, filtered: filtered) }
    // Of connections that are made from now on.
    try socket.setReconnect(reconnect)
    try socket.connect(connection.endpoint(.iopub))
    heard[token] = HeardKernel(
      connection: connection, signer: Signer(key: connection.key), filtered: filtered, reconnect: reconnect)
  }

  /// For a kernel that takes its time.
  func listenPatiently(_ token: UInt64) {
    guard let known = heard[token], known.reconnect == .eager else { return }
    stopListening(token)
    attempt(token) { () throws(ZMQError) in
      try listen(token, known.connection, filtered: known.filtered, .patient)
    }
  }

  func stopListening(_ token: UInt64) {
    guard let known = heard.removeValue(forKey: token) else { return }
    states(known.filtered).disconnect(known.connection.endpoint(.iopub))
    // As connecting does.
    readStates(states(known.filtered), filtered: known.filtered)
  }

  private func states(_ filtered: Bool) -> ZMQSocket { filtered ? filteredStates : allStates }

  // MARK: Heartbeat

  func beatIsDue(_ token: UInt64, _ number: UInt64) {
    guard let kernel = watched[token], kernel.beats == number else { return }
    if !kernel.isAnswered { onEvent(.heartbeat(token: token, isAlive: false)) }
    beat(token, until: .after(interval * Double.random(in: 0.8...1.2)))
  }

  /// Sends a beat, whose echo has until `deadline`, which is also when the next beat is due.
  func beat(_ token: UInt64, until deadline: MonotonicTime) {
    guard var kernel = watched[token] else { return }
    kernel.beats += 1
    kernel.isAnswered = false
    watched[token] = kernel
    deadlines.insert(.beat(token: token, number: kernel.beats), at: deadline)
    // A queue that is full, after a thousand beats without an answer, is just one more miss. The empty part is what
    // REP sockets expect of a DEALER.
    _ = try? kernel.heartbeat.socket.send([[], WireLoop.payload(kernel.beats)])
    readHeartbeat(token)
  }

  func readHeartbeat(_ token: UInt64) {
    guard let kernel = watched[token] else { return }
    let socket = kernel.heartbeat.socket
    while socket.canReceive, let frames = try? socket.receive() {
      guard frames.last == WireLoop.payload(kernel.beats), watched[token]?.isAnswered == false else { continue }
      watched[token]?.isAnswered = true
      onEvent(.heartbeat(token: token, isAlive: true))
    }
  }

  private static func payload(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

  // MARK: States

  /// Messages of one turn: a kernel that floods its iopub must not keep heartbeats and commands waiting.
  private static let mostMessages = 256

  /// What is left over waits for the next turn, which the loop begins without waiting. Whether something is left is not
  /// asked: the socket would take a part of it, and libzmq aborts when it is disconnected then (zeromq/libzmq#2163).
  func readStates(_ socket: ZMQSocket, filtered: Bool) {
    for _ in 0..<Self.mostMessages {
      guard socket.canReceive, let frames = try? socket.receive() else { return }
      if let state = StateMessage(frames, filtered: filtered) { take(state, frames) }
    }
    unread.insert(filtered ? Tag.filteredStates : Tag.allStates)
  }

  /// Requests that kernels answer while a cell runs: their end is not that of the cell.
  private static let asides: Set<String> = [
    "kernel_info_request", "comm_info_request", "interrupt_request", "shutdown_request", "debug_request",
  ]

  private func take(_ message: StateMessage, _ frames: Frames) {
    let asker = message.parent.flatMap { askers[$0.session] }
    guard let token = asker ?? tokens[message.session], let kernel = heard[token],
      message.isSigned(by: kernel.signer, frames)
    else { return }
    // What it does next may come before its reply, too.
    if asker != nil { learn(message.session, of: token) }
    let type = message.parent?.type ?? ""
    if !Self.asides.contains(type), let state = message.state(frames) {
      tell(.status(token: token, state, isExecution: type == "execute_request"), of: token)
    }
    probeIsHeard(token)
  }

  /// A kernel that is not ready yet has its last state told afterwards.
  private func tell(_ status: WireEvent, of token: UInt64) {
    if probes[token] == nil { onEvent(status) } else { probes[token]?.status = status }
  }
}

/// A message that tells a kernel's state, as far as it must be read to know whose it is.
private struct StateMessage {
  let delimiter: Int
  /// The kernel's.
  let session: String
  /// Of what the state belongs to; nil if it belongs to nothing.
  let parent: HeaderFields?

  private static let topic = Array(".status".utf8)

  /// Nil for other messages.
  init?(_ frames: Frames, filtered: Bool) {
    // A look at the topic first: results and inputs of ipykernel begin with `kernel.` too.
    if filtered, let topic = frames.first, !topic.suffix(7).elementsEqual(Self.topic) { return nil }
    guard let delimiter = frames.firstIndex(of: JupyterMessage.delimiter), frames.count >= delimiter + 6,
      let header = try? MessageHeader(parsing: frames[delimiter + 2], part: "header"), header.type == "status"
    else { return nil }
    self.delimiter = delimiter
    session = header.session
    parent = try? HeaderFields(scanning: frames[delimiter + 3], part: "parent header")
  }

  func isSigned(by signer: Signer, _ frames: Frames) -> Bool {
    signer.isValid(frames[delimiter + 1], for: frames[(delimiter + 2)...(delimiter + 5)])
  }

  func state(_ frames: Frames) -> WireEvent.KernelState? {
    let content = try? JSON(parsing: frames[delimiter + 5])
    return content?["execution_state"]?.string.flatMap(WireEvent.KernelState.init(rawValue:))
  }
}
