// Kernels that a pool does not need any more: nobody new gets them, and they end when their last client has left and
// they run nothing. Scaling ends no kernel that somebody has.

extension Engine {
  /// Retires what is too much: those that a policy named first, then those that nobody would miss, the longest idle of
  /// them first.
  mutating func thin(_ name: String, _ named: [KernelID], isPolicy: Bool = false, _ now: Instant) {
    let state = poolStates[name]!
    var surplus = state.roster.kernels - (state.wanted ?? state.roster.kernels)
    guard surplus > 0 else { return }
    var spare = max(0, state.roster.ready - state.pool.warm)
    let idle = state.roster[.stale] + state.roster[.waiting]
    guard isPolicy || idle > 0 || spare > 0 else { return }
    var order = named
    order += longestIdle(name, .stale) + state.roster.ids(.waiting)
    order += state.roster.ids(.starting).reversed() + longestIdle(name, .fresh)
    if isPolicy { order += leastUsed(name) }
    for id in order where surplus > 0 {
      guard let kernel = kernels[id], !kernel.isClaimed, !kernel.isDraining, waiting[id] == nil else { continue }
      let place = Place(kernel)
      guard [.stale, .waiting, .starting, .fresh, .used].contains(place) else { continue }
      if place == .starting || place == .fresh {
        guard spare > 0 else { continue }
        spare -= 1
      }
      surplus -= 1
      retire(id, "the pool needs \(state.wanted ?? 0)", now)
    }
  }

  func longestIdle(_ name: String, _ place: Place) -> [KernelID] {
    let since = poolStates[name]!.roster.ids(place).map { (id: $0, instant: kernels[$0]!.idleSince ?? .never) }
    return since.sorted { $0.instant < $1.instant }.map(\.id)
  }

  private func leastUsed(_ name: String) -> [KernelID] {
    poolStates[name]!.roster.ids(.used).map { kernels[$0]! }.sorted {
      ($0.clients, $0.idleSince ?? .never, $0.serial) < ($1.clients, $1.idleSince ?? .never, $1.serial)
    }.map(\.id)
  }

  /// Begins the retirement. It is in the registry, so that a host that is started meanwhile goes on with it.
  mutating func retire(_ id: KernelID, _ why: String, _ now: Instant) {
    guard let kernel = kernels[id], !kernel.isDraining else { return }
    kernels[id]!.isDraining = true
    kernels[id]!.isSeenEmpty = false
    touched.append(id)
    note(id, .draining, why)
    save(id)
    if kernel.status == .backoff { return trigger(.stopAsked, id, now) }
    if kernel.status != .starting { lookAtConnections(now) }
  }

  /// The same for one that is not kept, whatever happens: something else needs its place.
  mutating func makeRoom(_ id: KernelID, in pool: String, _ now: Instant) {
    poolStates[pool]!.doomed.insert(id)
    retire(id, "makes room for another", now)
  }

  /// What is known of connections may be old, and who uses a kernel without asking the router has no reservation.
  mutating func lookAtConnections(_ now: Instant) {
    if !effects.contains(where: { if case .countConnections = $0 { true } else { false } }) {
      effects.append(.countConnections)
    }
    guard !isCounting else { return }
    isCounting = true
    timers.set(.connections, at: now + configuration.drainInterval)
  }

  mutating func countAgain(_ now: Instant) {
    isCounting = false
    if draining.contains(where: { kernels[$0]?.status != .stopping }) { lookAtConnections(now) }
  }

  func mayEnd(_ id: KernelID) -> Bool {
    guard let kernel = kernels[id], kernel.isDraining, kernel.clients == 0, waiting[id] == nil else { return false }
    switch kernel.status {
    case .starting: return true
    case .idle, .unhealthy: return !kernel.isBusy && kernel.isSeenEmpty
    case .busy, .stopping, .backoff, .exited, .failed, .unknown: return false
    }
  }

  mutating func endRetired(_ id: KernelID, _ now: Instant) {
    let pool = kernels[id]!.specification.pool ?? ""
    let isPolicy = configuration.entries.contains(.scale) && poolStates[pool]?.doomed.contains(id) != true
    let by = Stopper.pool(pool, byPolicy: isPolicy)
    kernels[id]!.stop = StopProgress(step: .intent, timeout: .seconds(5), by: by)
    kernels[id]!.afterStop = .remove
    trigger(.stopAsked, id, now)
  }

  /// Calls retirements off, those of fresh kernels first. One that somebody used is no help where warm ones are missing.
  /// - Returns: how many, and how many of them are warm.
  mutating func keepRetiring(_ name: String, missing: Int, deficit: Int) -> (all: Int, fresh: Int) {
    let doomed = poolStates[name]!.doomed
    let ids = poolStates[name]!.roster.ids(.draining).filter { id in
      // One that somebody took and that is culled has his variables: nobody else is served by it.
      !doomed.contains(id) && kernels[id].map { Place($0) == .draining && !$0.isClaimed } == true
    }
    guard !ids.isEmpty, missing > 0 || deficit > 0 else { return (0, 0) }
    func isFresh(_ id: KernelID) -> Bool { !kernels[id]!.wasUsed && kernels[id]!.clients == 0 }
    let fresh = ids.filter(isFresh).prefix(max(missing, deficit))
    let others = ids.filter { !isFresh($0) }.prefix(max(0, missing - max(fresh.count, deficit)))
    for id in fresh + others { keep(id) }
    return (fresh.count + others.count, fresh.count)
  }

  mutating func keep(_ id: KernelID) {
    kernels[id]!.isDraining = false
    kernels[id]!.isSeenEmpty = false
    touched.append(id)
    note(id, .undrained, "it is needed again")
    save(id)
  }
}
