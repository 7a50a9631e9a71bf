// Readiness, heartbeats, states, interrupts and shutdown requests: the engine's effects on the wire.
import FleetEngine
import JupyterProtocol
import Logging
import Synchronization

/// Returns at once from every call; what kernels say is posted to the inbox. Each launch has a token of its own, so that
/// late news of one launch is never taken for news of the next.
final class WireDriver: Sendable {
  private let files: KernelFiles
  private let book: TokenBook
  let wire: Wire
  /// When something was last executed.
  let activity = ActivityBook()
  private let interrupts = InterruptBook()

  init(files: KernelFiles, inbox: Inbox, log: Logger, heartbeat: Duration) throws(ZMQError) {
    self.files = files
    let book = TokenBook()
    self.book = book
    let (activity, interrupts) = (activity, interrupts)
    wire = try Wire(heartbeatInterval: heartbeat) { event in
      if let problem = book.problem(with: event) { log.warning("\(problem)") }
      if case .status(let token, let state, isExecution: true) = event, state != .starting, let id = book.kernel(token)
      {
        activity.touch(id)
      }
      if let news = book.translate(event) { inbox.post(news) }
      interrupts.note(event)
    }
  }

  func probe(_ kernel: Kernel) {
    wire.probe(token(of: kernel), files.connection(of: kernel), filtered: isFiltered(kernel))
  }

  /// A launch that replaces another one ends what the wire does for that one, which nobody else might end.
  private func token(of kernel: Kernel) -> UInt64 {
    let (token, replaced) = book.token(of: kernel)
    if let replaced { end(replaced) }
    return token
  }

  func watch(_ kernel: Kernel) {
    wire.watch(token(of: kernel), files.connection(of: kernel), filtered: isFiltered(kernel))
  }

  /// Kernels that publish on topics `kernel.…` are heard without the rest of what they print.
  private func isFiltered(_ kernel: Kernel) -> Bool {
    let spec = kernel.specification.kernelspec
    return spec == "lua" || spec.hasPrefix("python")
  }

  func unwatch(_ id: KernelID) {
    if let token = book.retire(id) { end(token) }
  }

  private func end(_ token: UInt64) {
    wire.unwatch(token)
    interrupts.forget(token)
  }

  func requestShutdown(_ kernel: Kernel) {
    wire.shutdown(token(of: kernel), files.connection(of: kernel), restart: kernel.afterStop == .restart)
  }

  /// Nothing if this launch has ended meanwhile.
  func interrupt(_ kernel: Kernel) {
    guard let token = book.known(kernel), let number = interrupts.begin(token) else { return }
    wire.interrupt(token, number, files.connection(of: kernel))
  }

  /// Waits until the interrupt requests that were sent to this launch have arrived.
  /// - Returns: false if the kernel did not answer.
  func interruptHasArrived(_ kernel: Kernel) async -> Bool {
    guard let token = book.known(kernel) else { return true }
    return await interrupts.wait(token)
  }

  func isInterrupting(_ kernel: Kernel) -> Bool { book.known(kernel).map(interrupts.isOnItsWay) ?? false }

  func close() {
    wire.stop()
    interrupts.close()
  }
}

/// Which launch of which kernel a token of the wire means.
final class TokenBook: Sendable {
  private struct Entry {
    var id: KernelID
    var generation: Int
    var hasMissed = false
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var tokens: [KernelID: UInt64] = [:]
    var last: UInt64 = 0
  }

  private let state = Mutex(State())

  /// The launch's token, and that of an earlier launch which it replaces.
  func token(of kernel: Kernel) -> (token: UInt64, replaced: UInt64?) {
    state.withLock { state in
      let before = state.tokens[kernel.id]
      if let before, state.entries[before]?.generation == kernel.generation { return (before, nil) }
      if let before { state.entries[before] = nil }
      state.last += 1
      state.entries[state.last] = Entry(id: kernel.id, generation: kernel.generation)
      state.tokens[kernel.id] = state.last
      return (state.last, before)
    }
  }

  func retire(_ id: KernelID) -> UInt64? {
    state.withLock { state in
      guard let token = state.tokens.removeValue(forKey: id) else { return nil }
      state.entries[token] = nil
      return token
    }
  }

  /// The token of this launch, if it has one.
  func known(_ kernel: Kernel) -> UInt64? {
    state.withLock { state in
      state.tokens[kernel.id].flatMap { state.entries[$0]?.generation == kernel.generation ? $0 : nil }
    }
  }

  func kernel(_ token: UInt64) -> KernelID? { state.withLock { $0.entries[token]?.id } }

  /// What the engine is to know; nil for news that changes nothing.
  func translate(_ event: WireEvent) -> Event? {
    state.withLock { state in
      switch event {
      case .ready(let token, _): state.entries[token].map { .ready($0.id, generation: $0.generation) }
      case .heartbeat(let token, let isAlive): Self.heartbeat(&state.entries[token], isAlive)
      case .status(let token, let status, _):
        status == .starting
          ? nil : state.entries[token].map { .activity($0.id, generation: $0.generation, busy: status == .busy) }
      case .interrupted, .shutdown, .failed: nil
      }
    }
  }

  /// A heart that beats as before is no news, so that an idle host sleeps.
  private static func heartbeat(_ entry: inout Entry?, _ isAlive: Bool) -> Event? {
    guard let known = entry, !isAlive || known.hasMissed else { return nil }
    entry?.hasMissed = !isAlive
    return .heartbeat(known.id, generation: known.generation, alive: isAlive)
  }

  func problem(with event: WireEvent) -> String? {
    state.withLock { state in
      switch event {
      case .failed(let token, let error): "\(state.entries[token].map { "\($0.id)" } ?? "a kernel"): \(error)"
      case .interrupted(let token, _, isAnswered: false):
        state.entries[token].map { "\($0.id) did not answer an interrupt request" }
      default: nil
      }
    }
  }
}
