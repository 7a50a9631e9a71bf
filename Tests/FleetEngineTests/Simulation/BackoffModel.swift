// The restart rule, written a second time and in another way: from the times at which a kernel ended.
@testable import FleetEngine

struct BackoffModel {
  /// Since the last long life, and since somebody restarted the kernel by hand.
  private var exits: [Int64] = []
  private var readyAt: Int64?
  private var retryAt: Int64?

  mutating func follow(from former: Kernel?, to kernel: Kernel, _ event: Event, _ now: Int64) throws {
    if isRestart(event, of: kernel.id), former?.status != kernel.status { exits = [] }
    if former == nil, kernel.status == .backoff, kernel.recentExits.isEmpty {
      // A new host goes on with what is left of a delay.
      retryAt = kernel.retryAt?.nanoseconds
    } else if former?.status != kernel.status {
      try changed(from: former?.status, to: kernel, event, now)
    }
  }

  private func isRestart(_ event: Event, of id: KernelID) -> Bool {
    if case .command(_, .restart(id)) = event { true } else { false }
  }

  private mutating func changed(from former: Status?, to kernel: Kernel, _ event: Event, _ now: Int64) throws {
    switch kernel.status {
    case .idle, .busy: if former == .starting || former == nil { readyAt = now }
    case .backoff:
      if case .commitFailed = event {
        retryAt = now + 5 * World.second
      } else {
        retryAt = now + delay(ended(now))
      }
      try expect(recent(now) < 5, kernel, "was not given up")
      try expect(kernel.retryAt?.nanoseconds == retryAt, kernel, "waits until \(String(describing: kernel.retryAt))")
      readyAt = nil
    case .failed where former != nil:
      let count = ended(now)
      try expect(recent(now) >= 5, kernel, "was given up after \(count) exits, \(recent(now)) of them within 60 s")
    case .starting where former == .backoff && !isRestart(event, of: kernel.id):
      try expect(now >= retryAt ?? .max, kernel, "starts before its delay is over")
    default: break
    }
  }

  /// The number of exits in a row, this one included.
  private mutating func ended(_ now: Int64) -> Int {
    if let readyAt, now - readyAt >= 60 * World.second { exits = [] }
    exits.append(now)
    return exits.count
  }

  private func recent(_ now: Int64) -> Int { exits.count { now - $0 < 60 * World.second } }

  private func delay(_ count: Int) -> Int64 {
    var delay = World.second / 2
    for _ in 1..<max(count, 1) where delay < 60 * World.second { delay *= 2 }
    return min(delay, 60 * World.second)
  }

  private func expect(_ isTrue: Bool, _ kernel: Kernel, _ what: String) throws {
    guard isTrue else { throw Violation("\(kernel.id) \(what); exits: \(exits.map { Double($0) / 1e9 })") }
  }
}
