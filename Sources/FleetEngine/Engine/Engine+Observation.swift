// What was seen of kernels: heartbeats, connections; and the rows that policies see.
import OrderedCollections

extension Engine {
  mutating func heartbeat(_ id: KernelID, _ alive: Bool, _ now: Instant) {
    if alive {
      kernels[id]!.missedHeartbeats = 0
      trigger(.heartbeatBack, id, now)
    } else {
      kernels[id]!.missedHeartbeats += 1
      if kernels[id]!.missedHeartbeats >= 3 { trigger(.heartbeatLost, id, now) }
    }
  }

  /// A client that the router sent and that has connected is no reservation any more. Nobody is sent to a kernel before
  /// it answers: who connects earlier comes back after a restart.
  mutating func connectionsCounted(_ counts: [KernelID: Int], _ now: Instant) {
    for index in kernels.values.indices {
      let id = kernels.keys[index]
      let seen = counts[id] ?? 0
      let known = kernels.values[index].connections
      guard seen != known else { continue }
      kernels.values[index].connections = seen
      touched.append(id)
      guard seen > known, kernels.values[index].status != .starting else { continue }
      kernels.values[index].reservations.removeFirst(min(seen - known, kernels.values[index].reservations.count))
    }
  }

  /// Who is not named was not measured, and keeps what it had.
  mutating func sampled(_ samples: [KernelID: Sample]) {
    for index in kernels.values.indices {
      let id = kernels.keys[index]
      guard let sample = samples[id], kernels.values[index].process != nil else { continue }
      kernels.values[index].sample = sample
      touched.append(id)
    }
  }

  /// Counts a client that is about to connect.
  mutating func reserve(_ id: KernelID, until end: Instant) {
    kernels[id]!.reservations.append(end)
    touched.append(id)
    if expiring.insert(id).inserted { timers.set(.reservations(id), at: end) }
  }

  /// Forgets clients that were sent and did not come.
  mutating func expireReservations(_ id: KernelID, _ now: Instant) {
    expiring.remove(id)
    guard kernels[id]?.reservations.isEmpty == false else { return }
    kernels[id]!.reservations.removeAll { $0 <= now }
    touched.append(id)
    guard let next = kernels[id]!.reservations.first, next != .never else { return }
    expiring.insert(id)
    timers.set(.reservations(id), at: next)
  }

  /// Brings the policies' rows up to date; must come before a question.
  mutating func flushRows() {
    var changes: [KernelRowChange] = []
    for id in touched {
      let wasUsable = rows[id]?.isUsable == true
      if let kernel = kernels[id] {
        if rows[id] == nil { rows[id] = KernelRow(kernel) } else if !rows[id]!.update(kernel) { continue }
        changes.append(.put(rows[id]!))
      } else if rows.removeValue(forKey: id) != nil {
        changes.append(.remove(id.uuid))
      }
      if wasUsable, rows[id]?.isUsable != true { routing.asking?.isOutdated = true }
    }
    touched = []
    if !changes.isEmpty { effects.append(.rows(changes)) }
  }
}
