// The thread of one policy, and the queue in which changes and questions reach it in their order.

import FleetEngine
import LuaRuntime
import Synchronization

/// Runs a program on a thread of its own until it is let go.
final class PolicyWorker: Sendable {
  enum Item: Sendable {
    case changes([KernelRowChange])
    case question(number: Int, PolicyQuestion)
  }

  private struct State {
    var queue: [Item]
    var isLetGo = false
  }

  private let state: Mutex<State>
  private let news = LuaEvent()

  /// - Parameter first: what the queue begins with.
  init(_ first: [Item]) { state = Mutex(State(queue: first)) }

  /// - Parameter owner: is told what comes of it, on the new thread.
  func start(_ owner: Policy) throws(LuaError) {
    try LuaThread.start(name: "policy") { self.run(owner) }
  }

  func add(_ item: Item) {
    state.withLock { $0.queue.append(item) }
    news.signal()
  }

  /// Lets the thread end: at once if it is idle, else when it comes back.
  func letGo() {
    state.withLock {
      $0.isLetGo = true
      $0.queue.removeAll()
    }
    news.signal()
  }

  private func run(_ owner: Policy) {
    do {
      owner.opens(self, FileStamp(path: owner.path))
      let source = try PolicySource(path: owner.path)
      let program = try PolicyProgram(
        source, name: owner.name, budget: owner.budget, log: { owner.log($0, isFromHost: false) })
      owner.loaded(self, source.hash)
      while let item = next(program) { try handle(item, program, owner) }
    } catch {
      owner.broke(self, (error as? LuaError)?.message ?? "\(error)")
    }
  }

  /// Waits for the next item, and collects garbage meanwhile; nil when let go.
  private func next(_ program: PolicyProgram) -> Item? {
    while true {
      let (item, isLetGo) = state.withLock { ($0.queue.isEmpty ? nil : $0.queue.removeFirst(), $0.isLetGo) }
      if isLetGo { return nil }
      if let item { return item }
      if !program.collectSome() { news.wait() }
    }
  }

  private func handle(_ item: Item, _ program: PolicyProgram, _ owner: Policy) throws(LuaError) {
    switch item {
    case .changes(let changes): try program.apply(changes)
    case .question(let number, let question):
      guard owner.begin(number, self) else { return }
      let (verdict, duration) = program.decide(question)
      owner.finish(number, self, verdict, duration)
      _ = program.collectSome()
    }
  }
}
