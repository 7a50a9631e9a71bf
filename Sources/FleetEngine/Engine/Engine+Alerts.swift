// Which conditions hold, and whom to tell.

extension Engine {
  mutating func setAlertTimer(_ now: Instant) {
    guard !alertTimerIsSet else { return }
    alertTimerIsSet = true
    timers.set(.alert, at: now + max(configuration.alertInterval, .milliseconds(100)))
  }

  /// Asks the policy, and looks again at what the host found: some of it may have lasted long enough by now.
  mutating func lookAtAlerts(_ now: Instant) {
    alertTimerIsSet = false
    for (source, found) in hostConditions { update(source, found, now) }
    alerter.forget(now)
    if configuration.entries.contains(.alert), !isAlertAsked {
      isAlertAsked = true
      due.append(.alert)
    }
    if configuration.entries.contains(.alert) || alerter.waits { setAlertTimer(now) }
  }

  mutating func conditions(_ source: String, _ found: [AlertCondition], _ now: Instant) {
    hostConditions[source] = found
    update(source, found, now)
    if alerter.waits { setAlertTimer(now) }
  }

  /// If the policy failed, what it found last holds on, as in Prometheus, where a rule that cannot be evaluated moves no
  /// alert; no opinion is no condition.
  mutating func alerted(_ number: Int, _ asked: PolicyQuestion, _ policy: PolicyAnswer, _ now: Instant) {
    isAlertAsked = false
    var policy = policy
    if policy.failure == nil, policy.answer != nil, policy.conditions == nil {
      policy.failure = "it answered another question"
    }
    var decision = Decision(
      id: number, question: asked, policy: policy, outcome: .alert(lastConditions),
      reason: "the policy failed: what it found last holds on", isFallback: policy.failure != nil)
    if policy.failure == nil {
      // Policies call a kernel by its id; everything else knows it by its UUID.
      let found = (policy.conditions ?? []).map { condition in
        var condition = condition
        condition.kernel = condition.kernel.map { kernel(named: $0)?.id.uuid ?? $0 }
        return condition
      }
      lastConditions = found
      decision.outcome = .alert(found)
      decision.reason = policy.reason ?? "\(found.count) conditions hold"
      decision.clamps = update(Self.policySource, found, now)
    }
    effects.append(.decided(decision))
  }

  static let policySource = "policy"

  @discardableResult
  private mutating func update(_ source: String, _ found: [AlertCondition], _ now: Instant) -> [String] {
    let (changes, clamps) = alerter.update(source, found, now)
    for change in changes {
      let condition = change.alert.condition
      let summary = condition.summary.isEmpty ? condition.name : "\(condition.name): \(condition.summary)"
      let about = condition.kernel.flatMap(KernelID.init(uuid:))
      switch change {
      case .firing: note(about, .alert, "firing: \(summary)")
      case .resolved: note(about, .alert, "resolved: \(summary)")
      }
    }
    if !changes.isEmpty { effects.append(.alerts(changes)) }
    return clamps
  }
}
