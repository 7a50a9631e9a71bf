// A kernel client for async code: the blocking client on a thread of its own.
import Glibc
import Synchronization

/// Runs work on a `KernelClient` that lives on its own thread, one piece after the other.
public final class KernelConnection: Sendable {
  private typealias Job = @Sendable (KernelClient) -> Void

  private struct Queue {
    var jobs: [Job] = []
    var isClosed = false
  }

  private final class Shared: Sendable {
    let queue = Mutex(Queue())
    let wakeup: Wakeup

    init() throws(ZMQError) { wakeup = try Wakeup() }
  }

  private let shared: Shared
  private let interruption: Wakeup

  /// Begins to connect; the kernel may start later.
  public init(_ connection: ConnectionFile, reconnect: KernelClient.Reconnect = .patient) async throws {
    let shared = try Shared()
    self.shared = shared
    interruption = try await withCheckedThrowingContinuation { started in
      do {
        _ = try SystemThread.start(name: "kernel-client") {
          do {
            let client = try KernelClient(connection, reconnect: reconnect)
            started.resume(returning: client.interruption)
            KernelConnection.serve(client, shared)
          } catch {
            started.resume(throwing: error)
          }
        }
      } catch {
        started.resume(throwing: error)
      }
    }
  }

  deinit {
    shared.queue.withLock { $0.isClosed = true }
    shared.wakeup.signal()
  }

  /// Runs `body` on the client's thread, after what was asked for earlier.
  public func perform<T: Sendable>(_ body: @escaping @Sendable (KernelClient) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      shared.queue.withLock { queue in
        queue.jobs.append { client in continuation.resume(with: Result { try body(client) }) }
      }
      shared.wakeup.signal()
    }
  }

  /// Interrupts what the kernel executes for the piece of work that runs now.
  public func interrupt() { interruption.signal() }

  /// Runs until the connection is released; what was asked for before that is finished.
  private static func serve(_ client: KernelClient, _ shared: Shared) {
    while true {
      let (jobs, isClosed) = shared.queue.withLock { queue in
        defer { queue.jobs = [] }
        return (queue.jobs, queue.isClosed)
      }
      for job in jobs { job(client) }
      if jobs.isEmpty && isClosed { return }
      if jobs.isEmpty { shared.wakeup.wait() }
    }
  }
}
