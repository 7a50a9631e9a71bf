// Kernels of pools find owners: whoever spawns one like them gets it at once, and it is his from then on.

extension Engine {
  /// A kernel of a pool that nobody ever had and that is what would be started; one that answers rather than one that is
  /// starting.
  func warmKernel(for wanted: Specification) -> KernelID? {
    guard wanted.port == nil else { return nil }
    let states = wanted.pool.map { poolStates[$0].map { [$0] } ?? [] } ?? Array(poolStates.values)
    for place in [Place.fresh, .draining, .starting] {
      for state in states where state.roster[place] > 0 {
        if let id = state.roster.first(place, where: { serves($0, wanted) }) { return id }
      }
    }
    return nil
  }

  private func serves(_ id: KernelID, _ wanted: Specification) -> Bool {
    guard let kernel = kernels[id], waiting[id] == nil, !kernel.wasUsed, kernel.clients == 0, !kernel.isBusy,
      kernel.status == .idle || kernel.status == .starting
    else { return false }
    let own = kernel.specification
    var limits = own.limits
    if wanted.limits.bestEffort { limits.bestEffort = true }
    return own.kernelspec == wanted.kernelspec && own.language == wanted.language && own.config == wanted.config
      && own.provider == wanted.provider && own.model == wanted.model && limits == wanted.limits
      && own.hardening == wanted.hardening && own.workingDirectory == wanted.workingDirectory
  }

  /// It gets the name, the labels and the owner that were asked for, and they are on the disk before anybody is told.
  mutating func claim(_ id: KernelID, _ wanted: Specification, _ now: Instant) {
    kernels[id]!.specification.name = wanted.name
    kernels[id]!.specification.labels = wanted.labels
    kernels[id]!.specification.owner = wanted.owner
    kernels[id]!.specification.request = wanted.request
    kernels[id]!.isClaimed = true
    kernels[id]!.wasUsed = true
    kernels[id]!.isDraining = false
    if let name = wanted.name { references.name(name, id) }
    countArrival(id)
    touched.append(id)
    note(id, .claimed, "from pool \(kernels[id]!.specification.pool ?? "")" + (wanted.name.map { " as \($0)" } ?? ""))
    unwritten[id] = lastCommit + 1
    save(id, durable: true)
  }

  /// Somebody has, or had, the kernel: it is not warm any more.
  mutating func markUsed(_ id: KernelID) {
    guard let kernel = kernels[id], !kernel.wasUsed, let pool = kernel.specification.pool, poolStates[pool] != nil
    else {
      return
    }
    kernels[id]!.wasUsed = true
    touched.append(id)
    save(id)
  }

  mutating func countArrival(_ id: KernelID) {
    if let pool = kernels[id]?.specification.pool { poolStates[pool]?.arrivals += 1 }
  }

  /// Refuses a new kernel of a full pool; one that nobody has goes, so that the next try succeeds.
  mutating func checkRoom(in name: String, _ now: Instant) throws(EngineError) {
    flushRows()
    let state = poolStates[name]!
    guard state.room == 0 else { return }
    var advice = "stop one of them, or raise its max"
    if let idle = longestIdle(name, .stale).first {
      makeRoom(idle, in: name, now)
      advice = "\(idle), which nobody uses, is being ended: try again in a few seconds"
    }
    throw EngineError(.limit, "pool '\(name)' has its maximum of \(state.pool.maximum) kernels; \(advice)")
  }

  /// A dead kernel that comes back needs a place.
  func mayComeBack(_ kernel: Kernel) -> Bool {
    guard kernel.status == .exited || kernel.status == .failed, let pool = kernel.specification.pool,
      let state = poolStates[pool]
    else { return true }
    return state.room > 0
  }
}
