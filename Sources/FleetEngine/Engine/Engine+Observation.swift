// What was seen of kernels: heartbeats, connections; and the rows that policies see.
import OrderedCollections

extension Engine {
  /// After so many in a row a kernel is unhealthy.
  static let mostMissedHeartbeats = 3

  mutating func heartbeat(_ id: KernelID, _ alive: Bool, _ now: Instant) {
    if alive {
      kernels[id]!.missedHeartbeats = 0
      trigger(.heartbeatBack, id, now)
    } else {
      kernels[id]!.missedHeartbeats += 1
      if kernels[id]!.missedHeartbeats >= Self.mostMissedHeartbeats { trigger(.heartbeatLost, id, now) }
    }
  }

  /// A client that the router sent and that has connected is no reservation any more. Nobody is sent to a kernel before
  /// it answers: who connects earlier comes back after a restart.
  mutating func connectionsCounted(_ counts: [KernelID: Int], _ now: Instant) {
    for index in kernels.values.indices {
      let id = kernels.keys[index]
      let seen = counts[id] ?? 0
      let known = kernels.values[index].connections
      if kernels.values[index].isDraining, kernels.values[index].isSeenEmpty != (seen == 0) {
        kernels.values[index].isSeenEmpty = seen == 0
        touched.append(id)
      }
      if seen > 0, kernels.values[index].isDraining { callCullingOff(id) }
      guard seen != known else { continue }
      kernels.values[index].connections = seen
      touched.append(id)
      if seen > 0 { markUsed(id) }
      guard seen > known, kernels.values[index].status != .starting else { continue }
      kernels.values[index].reservations.removeFirst(min(seen - known, kernels.values[index].reservations.count))
    }
  }

  /// Who is not named was not measured, and keeps what it had. Latencies are brought up to date, too: one that is high
  /// sinks while nothing runs, else nobody would ever try that kernel again.
  mutating func sampled(_ samples: [KernelID: Sample], _ now: Instant) {
    for index in kernels.values.indices where kernels.values[index].process != nil {
      let id = kernels.keys[index]
      var isNew = age(index, now)
      if let sample = samples[id], kernels.values[index].sample != sample {
        kernels.values[index].sample = sample
        isNew = true
      }
      if isNew { touched.append(id) }
    }
  }

  /// Below this, a latency is as good as none, in seconds.
  private static let least = 0.0005

  /// An execution that takes longer than the average is bad news already; no execution is good news.
  private mutating func age(_ index: Int, _ now: Instant) -> Bool {
    let kernel = kernels.values[index]
    let sample: Double
    if let busySince = kernel.busySince {
      sample = (now - busySince).seconds
      guard sample > kernel.latency ?? 0 else { return false }
    } else {
      guard kernel.status == .idle, let latency = kernel.latency, latency > Self.least else { return false }
      sample = 0
    }
    let age = kernel.latencyAt.map { now - $0 } ?? .zero
    kernels.values[index].latency = PeakEWMA.average(kernel.latency, age: age, sample: sample)
    kernels.values[index].latencyAt = now
    return true
  }

  /// An execution begins or ends.
  mutating func becameBusy(_ id: KernelID, _ busy: Bool, _ now: Instant) {
    let kernel = kernels[id]!
    kernels[id]!.isBusy = busy
    guard kernel.readySince != nil else { return }
    if busy, kernel.isDraining { callCullingOff(id) }
    touched.append(id)
    if busy {
      kernels[id]!.idleSince = nil
      if kernel.busySince == nil, !kernel.isBusy { kernels[id]!.busySince = now }
      // Whoever runs something there is not the host, whose own question came before the first answer.
      if let since = kernel.readySince, now - since >= .seconds(1) { markUsed(id) }
    } else {
      if kernel.idleSince == nil { kernels[id]!.idleSince = now }
      guard let since = kernel.busySince else { return }
      let age = kernel.latencyAt.map { now - $0 } ?? .zero
      kernels[id]!.latency = PeakEWMA.average(kernel.latency, age: age, sample: (now - since).seconds)
      kernels[id]!.latencyAt = now
      kernels[id]!.busySince = nil
    }
  }

  /// The process is gone, and what was measured of it.
  mutating func forgetMeasurements(_ id: KernelID) {
    kernels[id]!.isBusy = false
    kernels[id]!.busySince = nil
    kernels[id]!.idleSince = nil
    kernels[id]!.latency = nil
    kernels[id]!.latencyAt = nil
    kernels[id]!.sample = nil
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
    guard !touched.isEmpty else { return }
    var changes: [KernelRowChange] = []
    for id in touched {
      sort(id)
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
  /// Keeps the rosters of pools up to date, and who is being retired.
  private mutating func sort(_ id: KernelID) {
    guard let kernel = kernels[id] else {
      draining.remove(id)
      guard let row = rows[id], let pool = row.pool else { return }
      poolStates[pool]?.roster.remove(id, serial: row.serial)
      poolStates[pool]?.doomed.remove(id)
      if poolStates[pool] != nil { dirtyPools.append(pool) }
      return
    }
    if kernel.isDraining { draining.append(id) } else { draining.remove(id) }
    guard let pool = kernel.specification.pool, poolStates[pool]?.roster.put(kernel) == true else { return }
    dirtyPools.append(pool)
  }
}
