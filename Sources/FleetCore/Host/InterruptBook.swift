// Interrupt requests on their way to kernels, and who waits until they have arrived.
import JupyterProtocol
import Synchronization

/// An interrupt stops what a kernel executes when it arrives, so whoever asked for one is told when it has.
final class InterruptBook: Sendable {
  /// Somebody who waits for the interrupts that were on their way when he came.
  private struct Waiter {
    var open: Set<UInt64>
    /// The last of them, and whether it was answered.
    let last: UInt64
    var isAnswered = true
    let continuation: CheckedContinuation<Bool, Never>
  }

  /// The interrupts of one launch.
  private struct Entry {
    var open: Set<UInt64> = []
    var waiters: [Waiter] = []
  }

  private struct State {
    /// By the wire's token of a launch.
    var entries: [UInt64: Entry] = [:]
    var last: UInt64 = 0
    var isClosed = false
  }

  private let state = Mutex(State())

  /// - Returns: the number of the interrupt; nil if nothing is sent any more.
  func begin(_ token: UInt64) -> UInt64? {
    state.withLock { state in
      if state.isClosed { return nil }
      state.last += 1
      state.entries[token, default: Entry()].open.insert(state.last)
      return state.last
    }
  }

  func note(_ event: WireEvent) {
    guard case .interrupted(let token, let number, let isAnswered) = event else { return }
    let done = state.withLock { state -> [Waiter] in
      guard var entry = state.entries[token], entry.open.remove(number) != nil else { return [] }
      for index in entry.waiters.indices {
        entry.waiters[index].open.remove(number)
        if entry.waiters[index].last == number { entry.waiters[index].isAnswered = isAnswered }
      }
      let done = entry.waiters.filter(\.open.isEmpty)
      entry.waiters.removeAll(where: \.open.isEmpty)
      state.entries[token] = entry.open.isEmpty ? nil : entry
      return done
    }
    for waiter in done { waiter.continuation.resume(returning: waiter.isAnswered) }
  }

  /// The launch has ended, and with it what ran.
  func forget(_ token: UInt64) {
    let waiters = state.withLock { $0.entries.removeValue(forKey: token)?.waiters ?? [] }
    for waiter in waiters { waiter.continuation.resume(returning: true) }
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
    await withCheckedContinuation { continuation in
      let isNeedless = state.withLock { state in
        guard let open = state.entries[token]?.open, let last = open.max() else { return true }
        state.entries[token]?.waiters.append(Waiter(open: open, last: last, continuation: continuation))
        return false
      }
      if isNeedless { continuation.resume(returning: true) }
    }
  }

  func isOnItsWay(to token: UInt64) -> Bool { state.withLock { $0.entries[token] != nil } }
}
