// Interrupt requests on their way to kernels, and who waits until they have arrived.
import JupyterProtocol
import Synchronization

/// An interrupt stops what a kernel executes when it arrives, so whoever asked for one is told when it has.
final class InterruptBook: Sendable {
  private typealias Waiter = CheckedContinuation<Bool, Never>

  private struct Entry {
    var onTheirWay = 0
    var waiters: [Waiter] = []
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
      if !state.isClosed { state.entries[token, default: Entry()].onTheirWay += 1 }
      return !state.isClosed
    }
  }

  func note(_ event: WireEvent) {
    switch event {
    case .interrupted(let token, let isAnswered): end(token, isAnswered)
    case .failed(let token, _): end(token, false)
    default: break
    }
  }

  private func end(_ token: UInt64, _ isAnswered: Bool) {
    let waiters = state.withLock { state -> [Waiter] in
      guard var entry = state.entries[token] else { return [] }
      entry.onTheirWay -= 1
      state.entries[token] = entry.onTheirWay > 0 ? entry : nil
      return entry.onTheirWay > 0 ? [] : entry.waiters
    }
    for waiter in waiters { waiter.resume(returning: isAnswered) }
  }

  /// The launch has ended, and with it what ran.
  func forget(_ token: UInt64) {
    for waiter in state.withLock({ $0.entries.removeValue(forKey: token)?.waiters ?? [] }) {
      waiter.resume(returning: true)
    }
  }

  func close() {
    let tokens = state.withLock { state in
      state.isClosed = true
      return Array(state.entries.keys)
    }
    for token in tokens { forget(token) }
  }

  /// Waits until no interrupt is on its way to this launch.
  /// - Returns: false if the kernel did not answer the last one within `Wire.patience`.
  func wait(_ token: UInt64) async -> Bool {
    await withCheckedContinuation { waiter in
      let waits = state.withLock { state in
        state.entries[token]?.waiters.append(waiter) != nil
      }
      if !waits { waiter.resume(returning: true) }
    }
  }
}
