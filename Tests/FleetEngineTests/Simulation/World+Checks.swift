// What must hold between the engine, its disk, the processes and what clients were told.
@testable import FleetEngine

extension World {
  /// Intent first.
  func checkLaunch(_ kernel: Kernel) throws {
    guard let row = disk.synced[kernel.id]?.kernel, row.generation == kernel.generation, row.status == .starting else {
      throw Violation("\(kernel.id) is launched, and its row on the disk does not say so")
    }
    guard row.port == kernel.port else {
      throw Violation("\(kernel.id) is launched on a port that the disk does not know")
    }
    try checkProcess(kernel)
  }

  func checkProcess(_ kernel: Kernel) throws {
    if let pid = livePids[kernel.id] { throw Violation("\(kernel.id) is started, and runs already as \(pid)") }
    if clients.gone.contains(kernel.id) {
      throw Violation("\(kernel.id) is started after somebody was told of its end")
    }
    if disk.written[kernel.id]?.kernel.generation != kernel.generation {
      throw Violation("\(kernel.id) is started without a row")
    }
  }

  /// What was asked for may have been tightened, never loosened; and what an admission imposed holds.
  func checkLimits(_ kernel: Kernel) throws {
    guard let asked = clients.asked[kernel.id] else { return }
    let limits = kernel.specification.limits
    let isHeld = (limits.memory ?? .max) <= (asked.memory ?? .max) && (limits.nice ?? -20) >= (asked.nice ?? -20)
    if !isHeld { throw Violation("\(kernel.id) is started with \(limits), where \(asked) was asked for") }
    let range = kernel.port...(kernel.port + Ports.perKernel - 1)
    if range.upperBound > 65_535 { throw Violation("\(kernel.id) is started on ports \(range)") }
  }

  func checkSignal(_ kernel: Kernel) throws {
    let isAnnounced = disk.written[kernel.id]?.kernel.status == .stopping
    guard isAnnounced || watchdog.unannounced.contains(kernel.id) else {
      throw Violation("\(kernel.id) is ended before the disk knows")
    }
  }

  func checkRemoval(_ kernel: Kernel) throws {
    if let pid = livePids[kernel.id] { throw Violation("\(kernel.id) is removed, and runs as \(pid)") }
    if clients.acknowledged.contains(kernel.id), !clients.released.contains(kernel.id), !isLentOnly(kernel) {
      throw Violation("\(kernel.id) was removed, though somebody was told of it and nobody let it go")
    }
  }

  /// Whatever is to be done at a certain time is done then, and not when something else happens to come.
  func checkAlarm() throws {
    guard let due = engine?.timers.next, now - max(due.nanoseconds, awakeSince) > World.latestAlarm else { return }
    throw Violation("something was due at \(Double(due.nanoseconds) / 1e9), and nobody woke the host")
  }

  /// An end that was told is known.
  func checkEnds() throws {
    guard let engine else { return }
    for kernel in engine.kernels.values {
      guard kernel.process != nil, let end = drivers.ends[kernel.id], end.generation == kernel.generation else {
        continue
      }
      if now - max(end.at, awakeSince) > World.longestDelay {
        throw Violation("the end of launch \(end.generation) of \(kernel.id) was told, and is not known")
      }
    }
  }

  func checkRows() throws {
    guard let engine else { return }
    guard policy.rows.count == engine.kernels.count else {
      throw Violation("policies see \(policy.rows.count) kernels")
    }
    for kernel in engine.kernels.values where policy.rows[kernel.id.uuid] != KernelRow(kernel) {
      throw Violation("policies see an old \(kernel.id)")
    }
  }

  func checkRecovery(_ rows: [StoredRow]) throws {
    guard let engine else { return }
    for row in rows where row.kernel.status == .backoff {
      guard let kernel = engine.kernels[row.kernel.id], kernel.status == .backoff, let left = row.backoff else {
        continue
      }
      if kernel.retryAt != instant + left {
        throw Violation("\(kernel.id) does not wait for the rest of its delay, \(left)")
      }
    }
    for id in clients.acknowledged.subtracting(clients.released) where engine.kernels[id] == nil {
      throw Violation("\(id) is lost, and somebody was told of it")
    }
    for id in clients.gone where engine.kernels[id] != nil && engine.kernels[id]?.status != .unknown {
      throw Violation("\(id) is back, and somebody was told of its end")
    }
    for id in clients.owned {
      guard let kernel = engine.kernels[id], kernel.specification.pool != nil else { continue }
      if !kernel.isClaimed { throw Violation("\(id) was given to somebody, and is the pool's again") }
    }
    for (id, pid) in livePids where engine.kernels[id]?.generation != processes[pid]?.generation {
      throw Violation("process \(pid) of \(id) has no row")
    }
  }

  /// Nothing is under way, nobody waits, and engine, disk and processes agree.
  func checkRest() throws {
    guard let engine else { throw Violation("no host runs") }
    if let ticket = clients.open.keys.min(by: { $0.number < $1.number }) {
      throw Violation("ticket \(ticket.number) was never answered")
    }
    let kept: [(String, Bool)] = [
      ("waiting clients", !engine.waiting.isEmpty), ("commits", !engine.commits.isEmpty),
      ("intents", !engine.intents.isEmpty), ("lost rows", !engine.lost.isEmpty),
      ("reservations", !engine.expiring.isEmpty), ("a question", engine.routing.asking != nil || policy.open != nil),
      ("requests", !engine.routing.queue.isEmpty || !engine.routing.postponed.isEmpty),
      ("retiring kernels", !engine.draining.isEmpty), ("orders", engine.poolStates.values.contains { $0.pending > 0 }),
      ("problems of pools", engine.poolStates.values.contains { $0.backoff.problem != nil }),
      ("timers", !isPeriodic && (engine.timers.next != nil || !engine.inquiries.isEmpty)),
    ]
    let names = kept.filter(\.1).map(\.0)
    if !names.isEmpty { throw Violation("the engine keeps something for nobody: \(names.joined(separator: ", "))") }
    try checkPools(engine)
    let undecided = policy.asked.subtracting(policy.decided).subtracting(engine.inquiries.keys)
    if let number = undecided.min() { throw Violation("question \(number) was asked, and nothing was decided") }
    for kernel in engine.kernels.values { try checkRest(of: kernel) }
    for (id, pid) in livePids where engine.kernels[id]?.process != processes[pid]?.seen {
      throw Violation("process \(pid) of \(id) is nobody's")
    }
    if Set(disk.written.keys) != Set(engine.kernels.keys) {
      throw Violation("the disk has other kernels than the host")
    }
    try checkRows()
  }

  /// Pools have what they need, and nothing that nobody needs.
  private func checkPools(_ engine: Engine) throws {
    for status in engine.pools {
      let (view, pool) = (status.view, status.pool)
      let needed = min(pool.maximum, max(pool.minimum, pool.warm > 0 ? view.used + pool.warm : 0))
      guard view.kernels >= needed || engine.kernels.values.contains(where: { $0.status == .unknown }) else {
        throw Violation("pool \(pool.name) has \(view), and needs \(needed)")
      }
    }
  }

  private func checkRest(of kernel: Kernel) throws {
    guard [.idle, .busy, .exited, .failed].contains(kernel.status) else {
      throw Violation("\(kernel.id) is \(kernel.status) for ever")
    }
    guard kernel.process == livePids[kernel.id].flatMap({ processes[$0]?.seen }) else {
      throw Violation("\(kernel.id) has lost its process")
    }
    guard kernel.reservations.isEmpty else { throw Violation("\(kernel.id) is reserved for ever") }
    guard let row = disk.written[kernel.id]?.kernel else { throw Violation("\(kernel.id) has no row") }
    let isSame =
      row.generation == kernel.generation && row.port == kernel.port && row.sessions == kernel.sessions
      && row.restarts == kernel.restarts && row.exit == kernel.exit && row.wasReady == kernel.wasReady
      && row.status.isAlive == kernel.status.isAlive && row.status != .stopping && row.status != .starting
      && row.isClaimed == kernel.isClaimed && row.wasUsed == kernel.wasUsed && row.isDraining == kernel.isDraining
      && row.specification == kernel.specification
    if !isSame { throw Violation("the row of \(kernel.id) is an old one: \(row) instead of \(kernel)") }
  }
}
