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

  /// A client that the router sent and that has connected is no reservation any more.
  mutating func connectionsCounted(_ counts: [KernelID: Int], _ now: Instant) {
    for (id, kernel) in kernels {
      let seen = counts[id] ?? 0
      let arrived = max(0, seen - kernel.connections)
      let open = kernel.reservations.filter { $0 > now }.dropFirst(arrived)
      guard seen != kernel.connections || open.count != kernel.reservations.count else { continue }
      kernels[id]!.connections = seen
      kernels[id]!.reservations = Array(open)
      touched.append(id)
    }
  }

  /// Brings the policies' rows up to date; must come before a question.
  mutating func flushRows() {
    var changes: [KernelRowChange] = []
    for id in touched {
      let row = kernels[id].map(KernelRow.init)
      guard rows[id] != row else { continue }
      rows[id] = row
      changes.append(row.map(KernelRowChange.put) ?? .remove(id.uuid))
    }
    touched = []
    if !changes.isEmpty { effects.append(.rows(changes)) }
  }

  /// The kernel that an id, UUID, name or base port means.
  public func kernel(named reference: String) -> Kernel? {
    if let id = KernelID(uuid: reference) { return kernels[id] }
    return kernels.values.first {
      $0.id.description == reference || $0.specification.name == reference || String($0.port) == reference
    }
  }
}
