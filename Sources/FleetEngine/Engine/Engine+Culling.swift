// Idle kernels of Jupyter's clients go when a scale policy names them; whoever comes back in time keeps his.

extension Engine {
  /// The first question comes after one interval; an interval without such kernels asks nothing.
  mutating func beginCulling(_ now: Instant) {
    guard let culling = configuration.culling, configuration.entries.contains(.scale) else { return }
    timers.set(.cull, at: now + max(culling.interval, .milliseconds(100)))
  }

  mutating func cullIsDue(_ now: Instant) {
    beginCulling(now)
    // One that answers late is not asked twice at once.
    if !isCullAsked, kernels.values.contains(where: Culling.concerns) { due.append(.cull) }
  }

  mutating func askCull(_ now: Instant) {
    flushRows()
    isCullAsked = true
    inquire(.scale(cullView), .cull, now)
  }

  /// The kernels of Jupyter, counted as those of a pool are.
  private var cullView: PoolView {
    var view = PoolView(name: Culling.pool, maximum: Int(Int32.max))
    for kernel in kernels.values where Culling.concerns(kernel) {
      switch kernel.status {
      case .stopping: view.draining += 1
      case _ where kernel.isDraining: view.draining += 1
      case .exited, .failed, .unknown: break
      case .starting, .idle, .busy, .unhealthy, .backoff: view.kernels += 1
      }
      guard !kernel.isDraining else { continue }
      switch kernel.status {
      case .starting: view.starting += 1
      case .idle where kernel.clients == 0: view.free += 1
      case .idle, .busy, .unhealthy: view.used += 1
      case .stopping, .backoff, .exited, .failed, .unknown: break
      }
    }
    return view
  }

  mutating func culled(_ number: Int, _ asked: PolicyQuestion, _ policy: PolicyAnswer, _ now: Instant) {
    flushRows()
    var policy = policy
    isCullAsked = false
    if policy.failure == nil, policy.answer != nil, policy.scale == nil {
      policy.failure = "it answered another question"
    }
    var clamps: [String] = []
    let named = policy.failure == nil ? policy.scale?.retire ?? [] : []
    let victims = named.compactMap { victim($0, &clamps) }
    let reason =
      policy.failure != nil
      ? "the policy failed: all stay" : policy.answer == nil ? "no opinion: all stay" : policy.words
    effects.append(
      .decided(
        Decision(
          id: number, question: asked, policy: policy,
          outcome: .scale(ScaleAnswer(wanted: max(0, cullView.kernels - victims.count), retire: victims.map(\.uuid))),
          reason: reason, clamps: clamps, isFallback: policy.failure != nil)))
    for id in victims { cull(id, reason, now) }
  }

  /// The kernel, if it may go.
  private func victim(_ reference: String, _ clamps: inout [String]) -> KernelID? {
    guard let kernel = kernel(named: reference), Culling.concerns(kernel) else {
      clamps.append("asked to retire '\(reference)', which is no kernel of Jupyter's clients")
      return nil
    }
    if kernel.isDraining || kernel.status == .stopping { return nil }
    guard let why = objection(kernel) else { return kernel.id }
    clamps.append("asked to retire \(kernel.id), kept it: \(why)")
    return nil
  }

  private func objection(_ kernel: Kernel) -> String? {
    if waiting[kernel.id] != nil || kernel.status == .starting { return "somebody waits for it" }
    if kernel.isBusy || kernel.status == .busy { return "it runs something" }
    if kernel.status == .unknown { return "it cannot be told from a stranger" }
    guard kernel.clients > 0, configuration.culling?.endsConnected != true else { return nil }
    return "it has \(kernel.clients) client\(kernel.clients == 1 ? "" : "s"), and [gateway] cull_connected is false"
  }

  /// One without clients ends when they were counted once more; one with clients, if that is allowed, at once.
  private mutating func cull(_ id: KernelID, _ why: String, _ now: Instant) {
    let kernel = kernels[id]!
    guard kernel.clients > 0 || !kernel.status.isAlive else { return retire(id, "culled: \(why)", now) }
    note(id, .draining, "culled: \(why)")
    endRetired(id, now)
  }

  /// Somebody came before it was ended.
  mutating func callCullingOff(_ id: KernelID) {
    guard let kernel = kernels[id], kernel.isDraining, kernel.status != .stopping, Culling.concerns(kernel) else {
      return
    }
    keep(id)
  }
}
