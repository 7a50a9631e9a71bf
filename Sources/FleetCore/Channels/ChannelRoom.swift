// One kernel and its clients: who they are, and the sockets that they share while there are any.
import DequeModule
import FleetEngine
import JSON
import JupyterProtocol
import Synchronization

/// Every thread may use it. Commands to the wire are given under the lock, so that they keep the order of what happened.
public final class ChannelRoom: Sendable {
  /// What the host says of the kernel.
  enum Kernel {
    case up(ConnectionFile)
    /// It is being started, for the first time or again, or is about to be because somebody asked for it.
    case starting
    /// It crashed, and will be started again.
    case crashed
    /// It has ended, and nobody starts it by himself.
    case dead
    /// Its row is gone.
    case gone
  }

  struct State {
    var kernel: Kernel
    /// Sockets to the kernel, and what signs messages there.
    var link: (id: UInt64, signer: Signer)?
    var sessions: [String: ChannelSession] = [:]
    /// Those that are away, in the order of their going.
    var away: Deque<String> = []
    var routes: RequestRoutes<ChannelSession>
    /// What clients sent while the kernel was not there; bounded by what each may send, and by `mayJoin`.
    var held: Deque<(message: RawMessage, client: ChannelClient)> = []
  }

  let id: KernelID
  let hub: ChannelHub
  let state: Mutex<State>
  /// Bytes that the kernel has not taken, of all clients: also of those that have left.
  let pending = Atomic<Int>(0)

  init(_ id: KernelID, hub: ChannelHub, kernel: Kernel) {
    self.id = id
    self.hub = hub
    state = Mutex(State(kernel: kernel, routes: RequestRoutes(capacity: hub.limits.requests)))
  }

  // MARK: Clients

  /// For a connection that is about to join: of two with one session the later one stays, whichever joins first.
  public func ticket() -> UInt64 { hub.nextNumber() }

  /// A kernel that takes nothing must not be sent ever more by clients that leave and come back.
  private var mayJoin: Bool { pending.load(ordering: .relaxed) <= 4 * hub.limits.incoming }

  /// Adds a client. A session that was here before gets what it missed; one that is still here is taken over.
  /// - Parameters:
  ///   - session: what the client calls itself; nil for one that will not come back.
  ///   - number: from `ticket`.
  ///   - onNews: called on any thread, and must not block.
  /// - Throws: `limit` if there are too many clients, if the kernel has not taken what they sent, or if a later connection
  ///   has the session; `kernelNotFound` if the kernel is gone.
  public func join(
    session key: String?, as number: UInt64, onNews: @escaping @Sendable (ChannelNews) -> Void
  ) throws(EngineError) -> ChannelClient {
    guard mayJoin else {
      throw EngineError(.limit, "\(id) has not taken what its clients sent; try again later")
    }
    let result = state.withLock { state -> Result<Joined, EngineError> in
      if case .gone = state.kernel { return .failure(EngineError(.kernelNotFound, "Kernel not found")) }
      let known = key.flatMap { state.sessions[$0] }
      guard known != nil || state.sessions.count - state.away.count < hub.limits.clients else {
        let message = "\(id) has \(hub.limits.clients) clients, and no more can connect to it"
        return .failure(EngineError(.limit, message))
      }
      if let known, known.isLater(than: number) {
        return .failure(EngineError(.limit, "another connection has taken this session over"))
      }
      let session = known ?? ChannelSession(key: key ?? UniqueID.uuid(), isResumable: key != nil)
      state.sessions[session.key] = session
      state.away.removeAll { $0 == session.key }
      let earlier = session.attach(number, onNews)
      let client = ChannelClient(room: self, session: session, number: number)
      settleLink(&state)
      let word = Self.word(for: state.kernel, isNew: false)
      return .success(Joined(client: client, session: session, earlier: earlier, word: word))
    }
    let joined = try result.get()
    joined.earlier?(.closed(.replaced, last: []))
    if joined.session.hasMessages { onNews(.messages) }
    if let word = joined.word { offer([hub.status(word)], to: joined.session) }
    hub.changed()
    return joined.client
  }

  private struct Joined {
    var client: ChannelClient
    var session: ChannelSession
    var earlier: (@Sendable (ChannelNews) -> Void)?
    var word: String?
  }

  func leave(_ client: ChannelClient) {
    guard let departure = client.session.detach(client.number) else { return }
    let evicted = state.withLock { state -> ChannelSession? in
      let session = client.session
      // Meanwhile another connection may have come for it.
      guard state.sessions[session.key] === session, session.isAway(since: departure) else { return nil }
      guard session.isResumable else {
        remove(session, &state)
        return nil
      }
      state.away.append(session.key)
      let oldest = state.away.count > hub.limits.sessionsAway ? state.away.first.flatMap { state.sessions[$0] } : nil
      if let oldest { remove(oldest, &state) }
      settleLink(&state)
      return oldest
    }
    evicted?.end()
    if client.session.isResumable { hub.expire(client.session, in: self, departure: departure) }
    hub.changed()
  }

  /// Ends a session, if its client has been away since then.
  func expire(_ session: ChannelSession, departure: Int) {
    let isOver = state.withLock { state in
      guard state.sessions[session.key] === session, session.isAway(since: departure) else { return false }
      remove(session, &state)
      return true
    }
    if isOver { session.end() }
  }

  private func remove(_ session: ChannelSession, _ state: inout State) {
    state.sessions[session.key] = nil
    state.away.removeAll { $0 == session.key }
    state.routes.forget(session)
    settleLink(&state)
  }

  /// Ends sessions that have no room even for what cannot be dropped.
  func expel(_ sessions: [ChannelSession], _ closing: ChannelClosing) {
    state.withLock { state in
      for session in sessions where state.sessions[session.key] === session { remove(session, &state) }
    }
    for session in sessions { session.end(closing) }
    hub.changed()
  }

  func expelAll(_ closing: ChannelClosing) {
    let sessions = state.withLock { state in
      state.kernel = .gone
      return Array(state.sessions.values)
    }
    expel(sessions, closing)
  }

  var connections: Int { state.withLock { $0.sessions.count - $0.away.count } }

  /// Of those that are connected, sorted.
  var clientNames: [String] {
    state.withLock { $0.sessions.values.filter(\.isAttached) }.map(\.name).sorted()
  }

  // MARK: The kernel

  func kernelChanged(to kernel: Kernel) {
    let (sessions, abandoned, word) = state.withLock { state in
      let before = state.kernel
      state.kernel = kernel
      let abandoned = closeLink(&state)
      let word: String? =
        switch (before, kernel) {
        // Its answer to the host's question was its first sign of life, which nobody here could hear.
        case (.starting, .up), (.crashed, .up), (.dead, .up): "idle"
        case (_, .up), (.starting, .starting), (.crashed, .crashed), (.dead, .dead): nil
        default: Self.word(for: kernel, isNew: true)
        }
      settleLink(&state)
      return (Array(state.sessions.values), abandoned, word)
    }
    drop()
    for execution in abandoned { offer(hub.end(of: execution), to: execution.owner) }
    if let word { for session in sessions { offer([hub.status(word)], to: session) } }
    if case .gone = kernel { expel(sessions, .kernelGone) }
  }

  /// Jupyter Server tells clients `restarting` once, after a crash; JupyterLab says then that the kernel has died, and
  /// connects anew. Who comes later, or hears of a restart that was asked for, must not be told that.
  private static func word(for kernel: Kernel, isNew: Bool) -> String? {
    switch kernel {
    case .up: nil
    case .starting: "starting"
    case .crashed: isNew ? "restarting" : "starting"
    case .dead, .gone: "dead"
    }
  }

  /// Requests that nobody will answer.
  private func drop() {
    let dropped = state.withLock { state in
      switch state.kernel {
      case .up, .starting, .crashed: return Deque<(message: RawMessage, client: ChannelClient)>()
      case .dead, .gone:
        defer { state.held = [] }
        return state.held
      }
    }
    for (message, client) in dropped { client.taken(bytes: message.size) }
  }

  // MARK: The link

  /// Opens or closes the sockets as it is needed: by clients that are here, and by executions of those that are away.
  func settleLink(_ state: inout State) {
    let isNeeded =
      state.sessions.count > state.away.count
      || state.away.contains { key in state.sessions[key].map { state.routes.isExecuting($0) } ?? false }
    guard case .up(let connection) = state.kernel, isNeeded else {
      closeLink(&state)
      return
    }
    guard state.link == nil else { return }
    let link = (id: hub.nextNumber(), signer: Signer(key: connection.key))
    state.link = link
    hub.wire.openLink(link.id, connection, ChannelReceiver(room: self, link: link.id))
    for (message, client) in state.held { forward(message, client, link, &state) }
    state.held = []
  }

  /// - Returns: executions that will not be answered.
  @discardableResult
  private func closeLink(_ state: inout State) -> [RequestRoutes<ChannelSession>.Abandoned] {
    guard let link = state.link else { return [] }
    hub.wire.closeLink(link.id)
    state.link = nil
    return state.routes.removeAll()
  }

  private func forward(
    _ message: RawMessage, _ client: ChannelClient, _ link: (id: UInt64, signer: Signer), _ state: inout State
  ) {
    state.routes.add(message, from: client.session)
    hub.wire.send(
      message.frames(link.signer), link: link.id, message.channel, from: client, bytes: message.size)
  }

  /// A client's message goes to the kernel, or waits for it.
  func send(_ message: RawMessage, from client: ChannelClient) {
    let isRefused = state.withLock { state in
      guard state.sessions[client.session.key] === client.session else { return true }
      switch state.kernel {
      case .up:
        guard let link = state.link else { return true }
        forward(message, client, link, &state)
      case .starting, .crashed: state.held.append((message, client))
      case .dead, .gone: return true
      }
      return false
    }
    guard isRefused else { return }
    client.taken(bytes: message.size)
    offer([hub.status("dead")], to: client.session)
  }

  /// Messages for one session.
  func offer(_ messages: [ChannelMessage], to session: ChannelSession) {
    if session.offer(messages, hub.limits, isTight: hub.isTight, notice: hub.notice).isOverflow {
      expel([session], .tooSlow)
    }
  }
}
