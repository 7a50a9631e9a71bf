// Heartbeats and states of the kernels that are watched.
import JSON

/// A kernel that the wire thread sends heartbeats to and hears the states of.
struct WatchedKernel {
  let connection: ConnectionFile
  let signer: Signer
  let filtered: Bool
  let heartbeat: WireSocket
  /// Counts beats; the echo of an earlier one does not answer a later one.
  var beats: UInt64 = 0
  var isAnswered = true
}

extension WireLoop {
  func startWatch(_ token: UInt64, _ connection: ConnectionFile, filtered: Bool) throws(ZMQError) {
    if let earlier = watched.removeValue(forKey: token) { endWatch(earlier) }
    let socket = try open(connection.endpoint(.heartbeat), .patient, purpose: .heartbeat(token: token))
    watched[token] = WatchedKernel(
      connection: connection, signer: Signer(key: connection.key), filtered: filtered, heartbeat: socket)
    try states(filtered).connect(connection.endpoint(.iopub))
    // Connecting may take the socket's signal of a message that has just come (ZMQ_FD is edge-triggered), and so may
    // disconnecting.
    readStates(states(filtered), filtered: filtered)
    // At a random point of the interval, so that kernels which a new host adopts do not beat all at once.
    let wait = interval * Double.random(in: 0.2...1.2)
    deadlines.insert(.beat(token: token, number: 0), at: .after(wait))
  }

  func endWatch(_ kernel: WatchedKernel) {
    close(kernel.heartbeat)
    states(kernel.filtered).disconnect(kernel.connection.endpoint(.iopub))
    readStates(states(kernel.filtered), filtered: kernel.filtered)
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

  /// What is left over waits for the next turn, which the loop begins without waiting.
  func readStates(_ socket: ZMQSocket, filtered: Bool) {
    for _ in 0..<Self.mostMessages {
      guard socket.canReceive, let frames = try? socket.receive() else { return }
      if let (token, state) = state(frames, filtered: filtered) {
        onEvent(.status(token: token, state, isExecution: isExecution(frames)))
      }
    }
    if socket.canReceive { unread.insert(filtered ? Tag.filteredStates : Tag.allStates) }
  }

  /// Whether what the state belongs to, by the parent header, is an execution and no mere question.
  private func isExecution(_ frames: Frames) -> Bool {
    guard let delimiter = frames.firstIndex(of: JupyterMessage.delimiter) else { return false }
    // A state that belongs to nothing has an empty parent, which has no type.
    return (try? HeaderFields(scanning: frames[delimiter + 3], part: "parent header"))?.type == "execute_request"
  }

  private static let statusTopic = Array(".status".utf8)

  /// Whose state a message tells; nil for other messages, those of unknown kernels and those that are not valid.
  private func state(_ frames: Frames, filtered: Bool) -> (UInt64, WireEvent.KernelState)? {
    // A look at the topic first: results and inputs of ipykernel begin with `kernel.` too.
    if filtered, let topic = frames.first, !topic.suffix(7).elementsEqual(WireLoop.statusTopic) { return nil }
    guard let delimiter = frames.firstIndex(of: JupyterMessage.delimiter), frames.count >= delimiter + 6,
      let header = try? MessageHeader(parsing: frames[delimiter + 2], part: "header"), header.type == "status",
      let token = tokens[header.session], let kernel = watched[token],
      kernel.signer.isValid(frames[delimiter + 1], for: frames[(delimiter + 2)...(delimiter + 5)]),
      let content = try? JSON(parsing: frames[delimiter + 5]),
      let state = content["execution_state"]?.string.flatMap(WireEvent.KernelState.init(rawValue:))
    else { return nil }
    return (token, state)
  }
}
