// Many clients of kernels' WebSockets, each with one execution under way at any time, on a few threads.
import CZeroMQ
import Foundation
import Synchronization

/// Clients that are connected and silent until `run`.
final class SocketLoad {
  private let clients: [KernelSocket]

  /// - Parameter kernels: client n connects to kernel n modulo their number.
  init(_ server: WebServer, kernels: [String], clients count: Int) throws {
    clients = try (0..<count).map { try KernelSocket(server, kernel: kernels[$0 % kernels.count]) }
  }

  struct Outcome: Sendable {
    var executions = 0
    var messages = 0
    var seconds = 0.0
    /// Of this process, in seconds of CPU.
    var cpu = 0.0
  }

  /// - Parameters:
  ///   - warmUp: before what is counted, so that every client has begun.
  func run(warmUp: Duration, for time: Duration, threads: Int = 1) throws -> Outcome {
    let shared = Shared()
    let parts = (0..<threads).map { part in clients.indices.filter { $0 % threads == part }.map { clients[$0] } }
    let workers = parts.map { part -> Thread in
      nonisolated(unsafe) let part = part  // of this thread alone while it runs
      let thread = Thread {
        do { try Self.serve(part, shared) } catch { shared.state.withLock { $0.failure = "\(error)" } }
        shared.state.withLock { $0.finished += 1 }
      }
      thread.start()
      return thread
    }
    _ = workers
    pause(warmUp)
    let (before, cpu, start) = (shared.outcome, try ProcessUse.cpuTime(of: getpid()), ContinuousClock.now)
    pause(time)
    var outcome = shared.outcome
    outcome.seconds = (ContinuousClock.now - start).inSeconds
    outcome.cpu = try ProcessUse.cpuTime(of: getpid()) - cpu
    outcome.executions -= before.executions
    outcome.messages -= before.messages
    shared.isOver.store(true, ordering: .relaxed)
    try wait(for: "the clients' last answers") { shared.state.withLock { $0.finished == threads } }
    if let failure = shared.state.withLock({ $0.failure }) { throw Failure(failure) }
    return outcome
  }

  private func pause(_ time: Duration) { usleep(useconds_t(time.inSeconds * 1e6)) }

  private final class Shared: Sendable {
    struct State {
      var finished = 0
      var failure: String?
    }

    let executions = Atomic<Int>(0)
    let messages = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    let state = Mutex(State())

    var outcome: Outcome {
      Outcome(executions: executions.load(ordering: .relaxed), messages: messages.load(ordering: .relaxed))
    }
  }

  private static func serve(_ clients: [KernelSocket], _ shared: Shared) throws {
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw Failure("cannot make an epoll set") }
    defer { close(epoll) }
    for (index, client) in clients.enumerated() {
      var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index)))
      guard epoll_ctl(epoll, EPOLL_CTL_ADD, client.connection.descriptor, &event) == 0 else {
        throw Failure("cannot wait for a client")
      }
      try client.execute()
    }
    var (open, events) = (clients.count, [epoll_event](repeating: epoll_event(), count: 256))
    let limit = ContinuousClock.now + .seconds(300)
    while open > 0 {
      guard ContinuousClock.now < limit else { throw Failure("clients wait for answers that do not come") }
      let count = epoll_wait(epoll, &events, Int32(events.count), 1000)
      for event in events[..<max(0, Int(count))] {
        let client = clients[Int(event.data.u64)]
        try client.fill()
        while let message = client.next() {
          shared.messages.add(1, ordering: .relaxed)
          guard KernelSocket.isShell(message) else { continue }
          shared.executions.add(1, ordering: .relaxed)
          if shared.isOver.load(ordering: .relaxed) { open -= 1 } else { try client.execute() }
        }
      }
    }
  }
}
