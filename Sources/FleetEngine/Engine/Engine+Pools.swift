// Pools are brought to the number of kernels that is wanted: dead ones go, missing ones are made, needless ones retired.
import OrderedCollections

extension Engine {
  /// Looks at the pools of which something changed. What it does changes something, too; it ends when all is as wanted.
  mutating func settlePools(_ now: Instant) {
    guard !poolStates.isEmpty || !draining.isEmpty else { return }
    // Each round leaves less to do; the bound only keeps a bug from stopping the host.
    for _ in 0..<16 {
      flushRows()
      for id in draining where mayEnd(id) { endRetired(id, now) }
      let names = dirtyPools
      if names.isEmpty { break }
      dirtyPools = []
      for name in names { steer(name, now) }
    }
    reportProblems(now)
  }

  private mutating func steer(_ name: String, _ now: Instant) {
    for id in poolStates[name]!.roster.ids(.dead) {
      note(id, .removed, "of pool \(name), and dead")
      remove(id)
    }
    decideNatively(name, now)
    fill(name, now)
    if !configuration.entries.contains(.scale) { thin(name, [], now) }
    // No kernel would ever show that they start again.
    if poolStates[name]!.isComplete { poolStates[name]!.backoff.succeeded() }
    lookAgain(name, now)
  }

  /// The number without a policy; with one, only what has to be repaired at once.
  private mutating func decideNatively(_ name: String, _ now: Instant) {
    let state = poolStates[name]!
    let present = state.present
    let former = state.wanted ?? present.kernels
    var verdict: Scaler.Verdict
    if configuration.entries.contains(.scale) {
      let floor = state.scaler.floor(used: present.used)
      verdict = Scaler.Verdict(wanted: min(state.pool.maximum, max(former, floor)))
    } else {
      verdict = poolStates[name]!.scaler.native(present, now)
    }
    guard verdict.wanted != former else {
      poolStates[name]!.wanted = former
      if !configuration.entries.contains(.scale) {
        poolStates[name]!.reason = Self.reason(state.pool, present.used)
        poolStates[name]!.clamps = verdict.clamps
      }
      return
    }
    let reason = Self.reason(state.pool, present.used)
    let (number, question) = question(.scale(poolStates[name]!.view(waiting: waiting(for: name), now)), now)
    let decision = Decision(
      id: number, question: question, policy: PolicyAnswer(), outcome: .scale(ScaleAnswer(wanted: verdict.wanted)),
      reason: reason, clamps: verdict.clamps)
    want(verdict, name, reason, decision, former, now)
  }

  static func reason(_ pool: Pool, _ used: Int) -> String {
    "\(used) used and \(pool.warm) warm, within \(pool.minimum)…\(pool.maximum)"
  }

  mutating func want(
    _ verdict: Scaler.Verdict, _ name: String, _ reason: String, _ decision: Decision, _ former: Int, _ now: Instant
  ) {
    poolStates[name]!.wanted = verdict.wanted
    poolStates[name]!.reason = reason
    poolStates[name]!.clamps = verdict.clamps
    effects.append(.decided(decision))
    guard verdict.wanted != former else { return }
    let clamps = verdict.clamps.isEmpty ? "" : "; " + verdict.clamps.joined(separator: "; ")
    note(nil, .scaled, "pool \(name): \(former) → \(verdict.wanted), \(reason)\(clamps)")
  }

  /// Makes what is missing: kernels on their way out are kept first, then the host makes new ones.
  private mutating func fill(_ name: String, _ now: Instant) {
    let state = poolStates[name]!
    let missing = (state.wanted ?? 0) - state.roster.kernels - state.pending
    let kept = keepRetiring(name, missing: missing, deficit: state.deficit)
    let needed = max(missing - kept.all, state.deficit - kept.fresh)
    guard needed > 0 else { return }
    let count = min(needed, state.room - state.pending)
    if count < state.deficit - kept.fresh {
      // Nothing fits beside those that somebody used and nobody has.
      for id in longestIdle(name, .stale).prefix(state.deficit - kept.fresh - max(0, count)) {
        makeRoom(id, in: name, now)
      }
    }
    guard count > 0, state.backoff.allows(now), state.pending == 0 else { return }
    poolStates[name]!.pending = count
    poolStates[name]!.provisions += 1
    timers.set(
      .provision(pool: name, number: poolStates[name]!.provisions), at: now + configuration.provisionTimeout)
    effects.append(.provide(pool: name, count: count))
  }

  /// The host has made kernels of the pool's template, or could not. What nobody waits for any more is not started.
  mutating func provided(_ name: String, _ result: Result<[NewKernel], EngineError>, _ now: Instant) {
    guard poolStates[name]?.pending ?? 0 > 0 else { return }
    // The number may have sunk with nothing but time.
    decideNatively(name, now)
    poolStates[name]!.pending = 0
    poolStates[name]!.provisions += 1
    dirtyPools.append(name)
    let state = poolStates[name]!
    let missing = (state.wanted ?? 0) - state.roster.kernels
    var count = min(max(missing, state.pool.warm - state.roster.ready), state.room)
    do throws(EngineError) {
      let made = try result.get()
      if made.isEmpty { throw EngineError(.internal, "the host made none") }
      for new in made where count > 0 {
        count -= 1
        var new = new
        new.specification.pool = name
        new.specification.name = nil
        poolStates[name]!.template = new.specification
        _ = try add(new, now)
      }
    } catch {
      broken(name, error.message, now)
    }
  }

  mutating func provisionOverdue(_ name: String, _ number: Int, _ now: Instant) {
    guard let state = poolStates[name], state.pending > 0, state.provisions == number else { return }
    poolStates[name]!.pending = 0
    dirtyPools.append(name)
    broken(name, "the host did not make them within \(said(configuration.provisionTimeout.seconds)) s", now)
  }

  /// Kernels of the pool fail.
  mutating func broken(_ name: String, _ reason: String, _ now: Instant) {
    guard poolStates[name] != nil else { return }
    let failures = poolStates[name]!.backoff.failures
    poolStates[name]!.backoff.failed(reason, now)
    dirtyPools.append(name)
    guard poolStates[name]!.backoff.failures != failures, let retryAt = poolStates[name]!.backoff.retryAt else {
      return
    }
    note(nil, .failed, "pool \(name): \(reason); tried again in \(said((retryAt - now).seconds)) s")
  }

  /// A kernel of a pool, nobody's, ended. One that lived for a while is just replaced.
  mutating func poolKernelEnded(_ kernel: Kernel, _ reason: String, _ now: Instant) {
    guard let pool = kernel.specification.pool, !kernel.isClaimed else { return }
    if let since = kernel.readySince, now - since >= StartBackoff.forgiveness { return }
    broken(pool, reason, now)
  }

  /// When the native rule, or a repair, has something to do without any event.
  private mutating func lookAgain(_ name: String, _ now: Instant) {
    let state = poolStates[name]!
    var at: Instant?
    if let retryAt = state.backoff.retryAt, retryAt > now { at = retryAt }
    let isNative = !configuration.entries.contains(.scale)
    if isNative, (state.wanted ?? 0) > state.scaler.needed(used: state.roster.inUse) {
      at = min(at ?? .never, now + state.pool.scaling.interval)
    }
    guard let at, at != state.lookAt else { return }
    if let known = state.lookAt, known > now, known <= at { return }
    poolStates[name]!.lookAt = at
    timers.set(.pool(name), at: at)
  }

  mutating func look(at name: String) {
    poolStates[name]?.lookAt = nil
    if poolStates[name] != nil { dirtyPools.append(name) }
  }

  private mutating func reportProblems(_ now: Instant) {
    let problems = poolStates.values.compactMap { state in
      state.backoff.problem.map {
        AlertCondition(
          name: "PoolBroken", severity: "critical", summary: "kernels of pool \(state.pool.name) do not start: \($0)",
          labels: ["pool": state.pool.name])
      }
    }
    guard problems != reportedProblems else { return }
    reportedProblems = problems
    conditions("pools", problems, now)
  }

  /// Requests that were told to wait and that a kernel of the pool could serve.
  func waiting(for pool: String) -> Int {
    guard !routing.postponed.isEmpty, let template = poolStates[pool]?.template else { return 0 }
    return routing.postponed.values.count { request in
      guard let wanted = request.requirements else { return false }
      return (wanted.language == nil || wanted.language == template.language)
        && (wanted.kernelspec == nil || wanted.kernelspec == template.kernelspec)
        && (wanted.config == nil
          || wanted.config.map(Requirements.fileName) == template.config.map(Requirements.fileName))
    }
  }
}
