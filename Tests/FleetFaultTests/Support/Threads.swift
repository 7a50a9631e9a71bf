// Blocking work on threads of the tests' own: nothing here may sit on the threads of Swift's concurrency.
import Foundation
import Synchronization

/// Runs the body on a new thread and waits for it without blocking.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Swift.Result { try body() }) }
    thread.stackSize = 4 << 20
    thread.start()
  }
}

/// Several threads that work at the same time; `wait` returns when all have ended.
final class Crew: Sendable {
  // A group may be used from all threads.
  private nonisolated(unsafe) let group = DispatchGroup()
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
func await(_ what: String, within limit: Duration = .seconds(30), _ condition: () throws -> String?) throws {
  let deadline = ContinuousClock.now + limit
  while let problem = try condition() {
    guard ContinuousClock.now < deadline else { throw Problem("waited \(limit) for \(what): \(problem)") }
    usleep(10_000)
  }
}
