// Threads for calls that block, so that Swift's concurrency pool (one thread a core) never waits for a disk.
import Dispatch

/// Runs one thing after the other. As a task executor it takes the synchronous parts of asynchronous work.
final class BlockingQueue: TaskExecutor {
  private let queue: DispatchQueue

  /// - Parameter label: for debuggers.
  init(_ label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs `work` when all that came before is done.
  func async(after delay: Duration = .zero, _ work: @escaping @Sendable () -> Void) {
    if delay > .zero {
      queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.nanoseconds)), execute: work)
    } else {
      queue.async(execute: work)
    }
  }

  /// The result of `work`, which may block.
  func run<Value: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
      queue.async {
        do throws(Failure) { continuation.resume(returning: .success(try work())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
