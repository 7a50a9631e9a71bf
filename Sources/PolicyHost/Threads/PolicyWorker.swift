// The thread of one policy, and the queue in which changes and questions reach it in their order.

import FleetEngine
import LuaRuntime
import Synchronization

/// Loads a program and runs it on a thread of its own until it is let go.
final class PolicyWorker: Sendable {
  enum Item: Sendable {
    /// By UUID: of many changes of one row only the last matters.
    case changes([String: KernelRowChange])
    case question(number: Int, PolicyQuestion)
    /// Say what the policy's memory is by now, and that this was done.
    case checkpoint(done: (@Sendable () -> Void)?)
    /// The last item: give the memory to the successor and end.
    case handOver(PolicyWorker)
  }

  /// What is loaded.
  enum Origin: Sendable {
    case file
    /// The text that ran before.
    case text([UInt8])
    /// The last that worked, because the file does not.
    case lastGood([UInt8])
  }

  private struct State {
    /// Read from `head` on.
    var queue: [Item] = []
    var head = 0
    var isLetGo = false
    /// What the policy's memory is to begin with; nil until the predecessor has ended.
    var memory: [UInt8]??
  }

  let origin: Origin
  private let state = Mutex(State())
  private let news = LuaEvent()

  init(_ origin: Origin) { self.origin = origin }

  /// - Parameter owner: is told what comes of it, on the new thread.
  func start(_ owner: Policy) throws(LuaError) {
    try LuaThread.start(name: "policy") { self.run(owner) }
  }

  func add(_ item: Item) {
    state.withLock { state in
      if case .changes(let new) = item, state.head < state.queue.count,
        case .changes(var known) = state.queue[state.queue.count - 1]
      {
        // Lets go of the dictionary, so that it is not copied.
        state.queue[state.queue.count - 1] = .checkpoint(done: nil)
        known.merge(new) { $1 }
        state.queue[state.queue.count - 1] = .changes(known)
      } else {
        state.queue.append(item)
      }
    }
    news.signal()
  }

  /// The predecessor has ended, and this was its memory; nil if there was none.
  func begin(memory: [UInt8]?) {
    state.withLock { state in if state.memory == nil { state.memory = .some(memory) } }
    news.signal()
  }

  /// Lets the thread end: at once if it is idle, else when it comes back.
  func letGo() {
    state.withLock {
      $0.isLetGo = true
      $0.queue = []
      $0.head = 0
    }
    news.signal()
  }

  // MARK: - On its thread

  private func run(_ owner: Policy) {
    do {
      guard let program = try owner.load(self, ready: { program in try self.applyWaitingChanges(program) }) else {
        return
      }
      guard let memory = waitForMemory() else { return }
      if let memory {
        do throws(LuaError) { try program.restore(memory: memory) } catch {
          owner.log("its memory of before cannot be taken over and begins anew: \(error.message)")
        }
      }
      while let item = next(program) {
        if try !handle(item, program, owner) { return }
      }
    } catch {
      owner.broke(self, (error as? LuaError)?.message ?? "\(error)")
    }
  }

  /// What is known of kernels so far, so that nobody waits for that later.
  private func applyWaitingChanges(_ program: PolicyProgram) throws {
    while true {
      let changes = state.withLock { state -> [String: KernelRowChange]? in
        guard state.head < state.queue.count, case .changes(let changes) = state.queue[state.head] else { return nil }
        _ = Self.pop(&state)
        return changes
      }
      guard let changes else { return }
      try program.apply(Self.inOrder(changes))
    }
  }

  /// Rows stand in the order of spawning: then new ones only have to be appended.
  private static func inOrder(_ changes: [String: KernelRowChange]) -> [KernelRowChange] {
    changes.values.sorted { ($0.row?.serial ?? 0) < ($1.row?.serial ?? 0) }
  }

  /// Nil when let go.
  private func waitForMemory() -> [UInt8]?? {
    while true {
      let (memory, isLetGo) = state.withLock { ($0.memory, $0.isLetGo) }
      if isLetGo { return nil }
      if let memory { return .some(memory) }
      news.wait()
    }
  }

  /// Waits for the next item, and collects garbage meanwhile; nil when let go.
  private func next(_ program: PolicyProgram) -> Item? {
    while true {
      let (item, isLetGo) = state.withLock { (Self.pop(&$0), $0.isLetGo) }
      if isLetGo { return nil }
      if let item { return item }
      if !program.collectSome() { news.wait() }
    }
  }

  private static func pop(_ state: inout State) -> Item? {
    guard state.head < state.queue.count else { return nil }
    let item = state.queue[state.head]
    state.head += 1
    if state.head == state.queue.count {
      state.queue.removeAll(keepingCapacity: state.queue.count <= 256)
      state.head = 0
    }
    return item
  }

  /// False when that was the end.
  private func handle(_ item: Item, _ program: PolicyProgram, _ owner: Policy) throws(LuaError) -> Bool {
    switch item {
    case .changes(let changes): try program.apply(Self.inOrder(changes))
    case .question(let number, let question):
      guard owner.begin(number, self) else { return true }
      let (verdict, duration) = program.decide(question)
      owner.finish(number, self, verdict, duration)
      _ = program.collectSome()
    case .checkpoint(let done):
      owner.checkpoint(self, program.memory)
      done?()
    case .handOver(let successor):
      let memory = program.memory
      owner.checkpoint(self, memory)
      successor.begin(memory: memory)
      owner.handedOver(self)
      return false
    }
    return true
  }
}
