// Interrupt requests on their way to kernels, and who waits until they have arrived.
import JupyterProtocol
import Synchronization

/// An interrupt stops what a kernel executes when it arrives, so whoever asked for one is told when it has.
final class InterruptBook: Sendable {
  private typealias Waiter = CheckedContinuation<Bool, Never>

  /// The interrupts of one launch.
  private struct Entry {
    var begun = 0
    var ended = 0
    /// Each with the number of interrupts that had begun when it came.
    var waiters: [(after: Int, waiter: Waiter)] = []
  }

  private struct State {
    /// By the wire's token of a launch.
    var entries: [UInt64: Entry] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// - Returns: false if nothing is sent any more.
  func begin(_ token: UInt64) -> Bool {
    state.withLock { state in
      if !state.isClosed { state.entries[token, default: Entry()].begun += 1 }
      return !state.isClosed
    }
  }

  func note(_ event: WireEvent) {
    guard case .interrupted(let token, let isAnswered) = event else { return }
    let done = state.withLock { state -> [Waiter] in
      guard var entry = state.entries[token] else { return [] }
      entry.ended += 1
      let done = entry.waiters.filter { $0.after <= entry.ended }.map(\.waiter)
      entry.waiters.removeAll { $0.after <= entry.ended }
      state.entries[token] = entry.ended < entry.begun ? entry : nil
      return done
    }
    for waiter in done { waiter.resume(returning: isAnswered) }
  }

  /// The launch has ended, and with it what ran.
  func forget(_ token: UInt64) {
    let waiters = state.withLock { $0.entries.removeValue(forKey: token)?.waiters ?? [] }
    for (_, waiter) in waiters { waiter.resume(returning: true) }
  }

  func close() {
    let tokens = state.withLock { state in
      state.isClosed = true
      return Array(state.entries.keys)
    }
    for token in tokens { forget(token) }
  }

  /// Waits until the interrupts that are on their way to this launch have arrived.
  /// - Returns: false if the kernel did not answer the last of them within `Wire.patience`.
  func wait(_ token: UInt64) async -> Bool {
    await withCheckedContinuation { waiter in
      let isNeedless = state.withLock { state in
        guard let begun = state.entries[token]?.begun else { return true }
        state.entries[token]?.waiters.append((after: begun, waiter))
        return false
      }
      if isNeedless { waiter.resume(returning: true) }
    }
  }

  func isOnItsWay(to token: UInt64) -> Bool { state.withLock { $0.entries[token] != nil } }
}
