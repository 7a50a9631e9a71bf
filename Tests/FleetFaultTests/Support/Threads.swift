// Blocking work on threads of the tests' own: nothing here may sit on the threads of Swift's concurrency.
import Foundation
import Synchronization

/// A thread for tasks that block.
private final class OwnThread: TaskExecutor {
  private let queue = DispatchQueue(label: "test.blocking")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs the body on a thread of its own, as a part of the test that waits for it.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  let thread = OwnThread()
  return try await Task(executorPreference: thread) { try body() }.value
}

/// Several threads that work at the same time; `wait` returns when all have ended.
final class Crew: Sendable {
  private let group = DispatchGroup()
  private let problems = Mutex<[String]>([])

  func start(_ name: String, _ body: @escaping @Sendable () throws -> Void) {
    group.enter()
    let thread = Thread { [self] in
      do { try body() } catch { problems.withLock { $0.append("\(name): \(error)") } }
      group.leave()
    }
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// What went wrong.
  func wait() -> [String] {
    group.wait()
    return problems.withLock { $0 }
  }
}

/// Waits for a condition, never for a time; blocks.
/// - Parameter condition: nil when it holds, else what is the matter.
func wait(for what: String, within limit: Duration = .seconds(30), _ condition: () throws -> String?) throws {
  let deadline = ContinuousClock.now + limit
  while let problem = try condition() {
    guard ContinuousClock.now < deadline else { throw Problem("waited \(limit) for \(what): \(problem)") }
    usleep(10_000)
  }
}
