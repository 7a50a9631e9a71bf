// Whether and when a crashed kernel is started again: the native rule proposes, a restart policy may know better.

/// A crash of this event that is not asked about yet.
struct PendingCrash: Sendable {
  var crash: Crash
  var id: KernelID
  var generation: Int
  var native: Backoff.Verdict
}

extension Engine {
  static let restartDelays = 0.1...3600.0

  /// Again after a while, or never.
  mutating func backOff(_ id: KernelID, _ reason: String, _ now: Instant) {
    let uptime = kernels[id]!.readySince.map { (now - $0).seconds }
    let native = configuration.backoff.crashed(&kernels[id]!, now: now)
    if kernels[id]!.isDraining { return endInstead(id, reason, now) }
    let crash = crash(of: kernels[id]!, reason, uptime, native)
    due.append(.crash(PendingCrash(crash: crash, id: id, generation: kernels[id]!.generation, native: native)))
    guard configuration.entries.contains(.restart) else { return carryOut(native, id, reason, now) }
    rest(id, .backoff)
    kernels[id]!.retryAt = nil
    fail(
      waiting: id,
      EngineError(.startFailed, "\(id) did not start (\(reason)); the restart policy decides when it is tried again"))
  }

  /// Asks about a crash, or records what the native rule did about it.
  mutating func settle(_ crash: PendingCrash, _ now: Instant) {
    if configuration.entries.contains(.restart) {
      return inquire(
        .restart(crash.crash), .restart(crash.id, generation: crash.generation, native: crash.native), now)
    }
    let (number, asked) = question(.restart(crash.crash), now)
    effects.append(
      .decided(
        Decision(
          id: number, question: asked, policy: PolicyAnswer(), outcome: .restart(crash.native.answer),
          reason: crash.native.reason(configuration.backoff), kernel: crash.id)))
  }

  /// A kernel that was to be retired is not brought back to life for that.
  private mutating func endInstead(_ id: KernelID, _ reason: String, _ now: Instant) {
    fail(waiting: id, EngineError(.startFailed, "\(id) did not start (\(reason)), and was being retired"))
    discard(id)
  }

  private func crash(of kernel: Kernel, _ reason: String, _ uptime: Double?, _ native: Backoff.Verdict) -> Crash {
    var proposal: Double?
    if case .restart(let delay) = native { proposal = delay.seconds }
    return Crash(
      uuid: kernel.id.uuid, exit: kernel.exit ?? ExitInfo(isLost: true), reason: reason,
      recent: kernel.recentExits.count, uptime: uptime, proposal: proposal)
  }

  private mutating func carryOut(_ verdict: Backoff.Verdict, _ id: KernelID, _ reason: String, _ now: Instant) {
    switch verdict {
    case .restart(let delay):
      wait(delay, id, now)
      let promise = "it is tried again in \(delay.seconds) s"
      fail(waiting: id, EngineError(.startFailed, "\(id) did not start (\(reason)); \(promise)"))
    case .giveUp(let exits):
      giveUp(id, "\(exits) exits within \(Int(configuration.backoff.window.seconds)) s", now)
      fail(waiting: id, EngineError(.startFailed, "\(id) was given up after \(exits) exits; the last: \(reason)"))
    }
  }

  private mutating func giveUp(_ id: KernelID, _ why: String, _ now: Instant) {
    let kernel = kernels[id]!
    rest(id, .failed)
    note(id, .failed, "given up: \(why)")
    poolKernelEnded(kernel, "its kernels crash: \(why)", now)
  }

  /// The policy has answered, or was silent for too long.
  mutating func restartDecided(
    _ id: KernelID, _ generation: Int, _ native: Backoff.Verdict, _ number: Int, _ asked: PolicyQuestion,
    _ policy: PolicyAnswer, _ now: Instant
  ) {
    var policy = policy
    if policy.failure == nil, policy.answer != nil, policy.restart == nil {
      policy.failure = "it answered another question"
    }
    if case .restart(let after) = policy.restart, after.isNaN {
      policy.failure = "it answered a delay that is no number"
    }
    var decision = Decision(
      id: number, question: asked, policy: policy, outcome: .restart(native.answer),
      reason: native.reason(configuration.backoff), isFallback: policy.failure != nil, kernel: id)
    if policy.failure == nil, let answer = policy.restart {
      decision.reason = policy.words
      decision.outcome = .restart(bounded(answer, &decision.clamps))
    }
    let isWaiting = kernels[id]?.generation == generation && kernels[id]?.status == .backoff
    guard isWaiting, kernels[id]?.retryAt == nil, case .restart(let outcome) = decision.outcome else {
      decision.clamps.append("not carried out: somebody stopped or restarted it meanwhile")
      effects.append(.decided(decision))
      return
    }
    effects.append(.decided(decision))
    switch outcome {
    case .restart(let seconds): wait(.nanoseconds(Int64(seconds * 1e9)), id, now)
    case .giveUp(let why): giveUp(id, why, now)
    }
    touched.append(id)
  }

  private func bounded(_ answer: RestartAnswer, _ clamps: inout [String]) -> RestartAnswer {
    guard case .restart(let seconds) = answer else { return answer }
    let allowed = min(max(seconds, Self.restartDelays.lowerBound), Self.restartDelays.upperBound)
    if allowed != seconds { clamps.append("asked to wait \(said(seconds)) s, allowed \(said(allowed))") }
    return .restart(after: allowed)
  }
}

extension Backoff.Verdict {
  fileprivate var answer: RestartAnswer {
    switch self {
    case .restart(let delay): .restart(after: delay.seconds)
    case .giveUp(let exits): .giveUp("\(exits) exits")
    }
  }

  fileprivate func reason(_ rule: Backoff) -> String {
    switch self {
    case .restart: "twice as long after each crash"
    case .giveUp(let exits): "\(exits) exits within \(Int(rule.window.seconds)) s"
    }
  }
}
