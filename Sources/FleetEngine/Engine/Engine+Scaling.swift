// What scale policies are asked, and what becomes of their answers.

extension Engine {
  /// Begins what goes on for as long as the host runs; called once, after the kernels are known.
  mutating func begin(_ now: Instant) {
    hasBegun = true
    dirtyPools.append(contentsOf: poolStates.keys)
    for index in poolStates.values.indices { poolStates.values[index].arrivalsSince = now }
    if configuration.entries.contains(.scale) {
      for state in poolStates.values {
        timers.set(.scale(pool: state.pool.name), at: now + state.pool.scaling.interval)
      }
    }
    beginCulling(now)
    if configuration.entries.contains(.alert) { setAlertTimer(now) }
    if !draining.isEmpty || kernels.values.contains(where: \.isDraining) { lookAtConnections(now) }
  }

  mutating func scaleIsDue(_ name: String, _ now: Instant) {
    guard let interval = poolStates[name]?.pool.scaling.interval else { return }
    timers.set(.scale(pool: name), at: now + max(interval, .milliseconds(100)))
    // One that answers late is not asked twice at once.
    if !poolStates[name]!.isAsked { due.append(.scale(pool: name)) }
  }

  mutating func askScale(_ name: String, _ now: Instant) {
    flushRows()
    let view = poolStates[name]!.view(waiting: waiting(for: name), now)
    poolStates[name]!.isAsked = true
    poolStates[name]!.arrivals = 0
    poolStates[name]!.arrivalsSince = now
    inquire(.scale(view), .scale(pool: name), now)
  }

  mutating func scaled(_ name: String, _ number: Int, _ asked: PolicyQuestion, _ policy: PolicyAnswer, _ now: Instant) {
    guard poolStates[name] != nil else { preconditionFailure("pools do not go while a host runs") }
    flushRows()
    var policy = policy
    poolStates[name]!.isAsked = false
    dirtyPools.append(name)
    let present = poolStates[name]!.present
    let former = poolStates[name]!.wanted ?? present.kernels
    if policy.failure == nil, policy.answer != nil, policy.scale == nil {
      policy.failure = "it answered another question"
    }
    var verdict: Scaler.Verdict
    var reason = policy.words
    var named: [KernelID] = []
    if policy.failure == nil, let answer = policy.scale {
      verdict = poolStates[name]!.scaler.settle(asked: answer.wanted, present, now)
      named = retirees(answer.retire, name, &verdict.clamps)
    } else if policy.failure == nil {
      verdict = poolStates[name]!.scaler.native(present, now)
      reason = Self.reason(poolStates[name]!.pool, present.used)
    } else {
      let floor = poolStates[name]!.scaler.floor(used: present.used)
      verdict = Scaler.Verdict(wanted: min(poolStates[name]!.pool.maximum, max(present.kernels, floor)))
      reason = "the policy failed: the pool stays as it is"
    }
    poolStates[name]!.scaler.changed(by: verdict.wanted - present.kernels, now)
    let decision = Decision(
      id: number, question: asked, policy: policy,
      outcome: .scale(ScaleAnswer(wanted: verdict.wanted, retire: named.map(\.uuid))), reason: reason,
      clamps: verdict.clamps, isFallback: policy.failure != nil)
    want(verdict, name, reason, decision, former, now)
    thin(name, named, isPolicy: policy.scale != nil, now)
  }

  /// Those of the policy's list that may be retired.
  private func retirees(_ references: [String], _ pool: String, _ clamps: inout [String]) -> [KernelID] {
    var ids: [KernelID] = []
    for reference in references {
      guard let kernel = kernel(named: reference), kernel.specification.pool == pool else {
        clamps.append("asked to retire '\(reference)', which is no kernel of this pool")
        continue
      }
      if kernel.isClaimed {
        clamps.append("asked to retire \(kernel.id), kept it: somebody took it")
      } else if !ids.contains(kernel.id) {
        ids.append(kernel.id)
      }
    }
    return ids
  }
}
