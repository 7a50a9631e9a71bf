// All rooms of a host: kernels that somebody is connected to, or was.
import FleetEngine
import JSON
import JupyterProtocol
import Logging
import Synchronization

public final class ChannelHub: Sendable {
  public let limits: ChannelLimits
  let wire: Wire
  let log: Logger
  private let files: KernelFiles
  private let meter = MessageMeter()
  /// For messages of our own; the connection to the client is who vouches for them, not a signature.
  private let session = MessageSession(key: "", username: "fleet")
  private let lastNumber = Atomic<UInt64>(0)
  /// Grows after somebody has come or gone.
  let version = Atomic<Int>(0)
  private let state = Mutex(State())

  private struct State {
    var rooms: [KernelID: ChannelRoom] = [:]
    var isClosed = false
    var onChange: (@Sendable () -> Void)?
  }

  init(wire: Wire, files: KernelFiles, limits: ChannelLimits, log: Logger) {
    self.wire = wire
    self.files = files
    self.limits = limits
    self.log = log
  }

  /// Of connections and links; they share the numbers.
  func nextNumber() -> UInt64 { lastNumber.add(1, ordering: .relaxed).newValue }

  // MARK: Rooms

  /// - Returns: nil when the host is going down.
  func room(of kernel: Kernel) -> ChannelRoom? {
    state.withLock { state in
      if state.isClosed { return nil }
      if let room = state.rooms[kernel.id] { return room }
      let room = ChannelRoom(kernel.id, hub: self, kernel: condition(of: kernel))
      state.rooms[kernel.id] = room
      return room
    }
  }

  private func condition(of kernel: Kernel) -> ChannelRoom.Kernel {
    switch kernel.status {
    // While it stops, too: it may still have something to say.
    case _ where kernel.readySince != nil && kernel.process != nil: .up(files.connection(of: kernel))
    case .starting: .starting
    case .stopping where kernel.afterStop != .remove: .starting
    case .backoff: .crashed
    case .idle, .busy, .unhealthy, .stopping, .exited, .failed, .unknown: .dead
    }
  }

  private func existing(_ id: KernelID) -> ChannelRoom? { state.withLock { $0.rooms[id] } }

  /// The kernel answers, for the first time since it was started.
  func answers(_ kernel: Kernel) { existing(kernel.id)?.kernelChanged(to: .up(files.connection(of: kernel))) }

  func starts(_ kernel: Kernel) { existing(kernel.id)?.kernelChanged(to: .starting) }

  /// The kernel's process has ended.
  /// - Parameter kernel: as it is by now; nil if its row is gone.
  func ended(_ id: KernelID, _ kernel: Kernel?) {
    guard let room = existing(id) else { return }
    guard let kernel else {
      state.withLock { $0.rooms[id] = nil }
      return room.kernelChanged(to: .gone)
    }
    room.kernelChanged(to: condition(of: kernel))
  }

  /// Tells all clients that the host leaves. No one can connect afterwards.
  func close() {
    let rooms = state.withLock { state in
      state.isClosed = true
      defer { state.rooms = [:] }
      return Array(state.rooms.values)
    }
    for room in rooms { room.expelAll(.hostLeaves) }
  }

  // MARK: Who is there

  func connections(of id: KernelID) -> Int { existing(id)?.connections ?? 0 }

  func clientNames(of id: KernelID) -> [String] { existing(id)?.clientNames ?? [] }

  /// `body` is called whenever somebody has come or gone; it must not block.
  func whenChanged(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onChange = body } }

  func changed() {
    version.add(1, ordering: .releasing)
    state.withLock { $0.onChange }?()
  }

  /// Ends the session if its client stays away.
  func expire(_ session: ChannelSession, in room: ChannelRoom, departure: Int) {
    let patience = limits.awayFor
    Task { [weak room] in
      // Nobody cancels it: a session that was taken up again is told by its number.
      try? await Task.sleep(for: patience, tolerance: patience / 10)
      room?.expire(session, departure: departure)
    }
  }

  // MARK: Messages

  func message(_ raw: RawMessage) -> ChannelMessage { ChannelMessage(raw, meter: meter) }

  /// So much waits for all clients together that each must do with less.
  var isTight: Bool { meter.bytes.load(ordering: .relaxed) > limits.total }

  /// A state of the kernel that it cannot tell itself.
  /// - Parameter parent: the header of the execution that it is about, as it is on the wire.
  func status(_ word: String, parent: [UInt8] = RawMessage.emptyObject) -> ChannelMessage {
    message(
      RawMessage(
        session.header("status"), channel: .iopub, parent: parent, content: ["execution_state": .string(word)]))
  }

  /// What a client is told of its execution when the kernel has ended: what it would wait for in vain.
  func end(of execution: RequestRoutes<ChannelSession>.Abandoned) -> [ChannelMessage] {
    var messages: [ChannelMessage] = []
    if !execution.isAnswered {
      let header = session.header("execute_reply")
      let reply = RawMessage(header, channel: .shell, parent: execution.header, content: ["status": "aborted"])
      messages.append(message(reply))
    }
    if !execution.isDone { messages.append(status("idle", parent: execution.header)) }
    return messages
  }

  /// What a client reads instead of what it did not take in time.
  func notice(_ dropped: Int, _ parent: [UInt8]) -> ChannelMessage {
    let text =
      "\n[fleet: \(dropped) message\(dropped == 1 ? " was" : "s were") dropped here, because this client "
      + "did not read them in time]\n"
    return message(
      RawMessage(
        session.header("stream"), channel: .iopub, parent: parent,
        content: ["name": "stderr", "text": .string(text)]))
  }
}
