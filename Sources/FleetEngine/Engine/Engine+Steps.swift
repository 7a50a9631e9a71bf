// The steps of the transition table. Each sets the status that it leads to.

extension Engine {
  mutating func take(_ step: Step, _ id: KernelID, _ now: Instant, failure: LaunchFailure? = nil) {
    switch step {
    case .ignore, .refuse: return
    default: touched.append(id)
    }
    switch step {
    case .ignore, .refuse: break
    case .impossible: preconditionFailure("\(id) is \(kernels[id]!.status) and was launched")
    case .launch: launch(id)
    case .probe: probe(id, now)
    case .abandonStart: startFailed(id, failure ?? Self.unwritten, now)
    case .tryNextPort: launchFailed(id, failure ?? LaunchFailure(reason: "it could not be launched"), now)
    case .becomeReady: becomeReady(id, now)
    case .giveUpStart: giveUpStart(id, now)
    case .exit: exit(id, now)
    case .crash: crash(id, now)
    case .markUnhealthy: markUnhealthy(id)
    case .markHealthy: markHealthy(id, now)
    case .markBusy: kernels[id]!.status = .busy
    case .markIdle: markIdle(id, now)
    case .beginStop, .restartLive: beginStop(id, restart: step == .restartLive)
    case .joinStop, .actOnStop: actOnStop(id, now)
    case .stopUnwritten: stopUnwritten(id, failure ?? Self.unwritten, now)
    case .escalate: escalate(id, now)
    case .finishStop: finishStop(id, now)
    case .discard: discard(id)
    case .restartDead: startAgain(id, now)
    }
  }

  private static let unwritten = LaunchFailure(reason: "the registry could not be written", code: .storage)

  private mutating func launch(_ id: KernelID) {
    kernels[id]!.isLaunching = true
    if kernels[id]!.wasReady, kernels[id]!.portAttempts == 1 { kernels[id]!.restarts += 1 }
    effects.append(.launch(kernels[id]!))
  }

  private mutating func probe(_ id: KernelID, _ now: Instant) {
    timers.set(.start(id, generation: kernels[id]!.generation), at: now + configuration.startTimeout)
    effects.append(.probe(kernels[id]!))
  }

  private mutating func becomeReady(_ id: KernelID, _ now: Instant) {
    kernels[id]!.status = .idle
    kernels[id]!.isBusy = false
    kernels[id]!.readySince = now
    kernels[id]!.idleSince = now
    kernels[id]!.missedHeartbeats = 0
    // The rows of a kernel that answered before say that it is to be kept; the first time, only this commit does. So it
    // is with one that was taken meanwhile, if its row could not be written.
    let isKept = kernels[id]!.wasReady && unwritten[id] == nil
    if !isKept { unwritten[id] = lastCommit + 1 }
    kernels[id]!.wasReady = true
    effects.append(.watch(kernels[id]!))
    // Who was promised this kernel gets it now, with a reservation that ends.
    kernels[id]!.reservations = []
    note(id, kernels[id]!.restarts > 0 ? .restarted : .ready, "pid \(kernels[id]!.process?.kernel ?? 0)")
    save(id)
    if let pool = kernels[id]!.specification.pool { poolStates[pool]?.backoff.succeeded() }
    for waiter in waiting.removeValue(forKey: id) ?? [] {
      switch waiter.purpose {
      case .start, .stop: save(id, then: .answer(waiter.ticket, .kernel(kernels[id]!), isSafe: isKept))
      case .find(let decision): save(id, then: .answer(waiter.ticket, found(id, decision, now), isSafe: isKept))
      }
    }
  }

  private mutating func launchFailed(_ id: KernelID, _ failure: LaunchFailure, _ now: Instant) {
    if failure.portTaken, tryNextPort(id, now) { return }
    startFailed(id, failure, now)
  }

  /// False if the user insists on the port, or five were taken already.
  private mutating func tryNextPort(_ id: KernelID, _ now: Instant) -> Bool {
    let kernel = kernels[id]!
    ports.block(kernel.port, until: now + .seconds(60))
    guard kernel.specification.port == nil, kernel.portAttempts < 5, let next = ports.next(now: now) else {
      return false
    }
    ports.release(kernel.port, of: id)
    ports.take(next, for: id)
    kernels[id]!.port = next
    kernels[id]!.portAttempts += 1
    kernels[id]!.generation += 1
    effects.append(.unwatch(id))
    note(id, .restarting, "port \(kernel.port) is taken by another program; trying \(next)")
    saveIntent(id)
    return true
  }

  /// It took too long to answer: it is ended, and that is a failed start.
  private mutating func giveUpStart(_ id: KernelID, _ now: Instant) {
    let limit = Int(configuration.startTimeout.seconds)
    kernels[id]!.afterStop = .fail("it did not answer within \(limit) s")
    kernels[id]!.stop = StopProgress(step: .intent, timeout: .zero)
    kernels[id]!.status = .stopping
    actOnStop(id, now)
  }

  /// A start that nobody saw succeed leaves nothing; a kernel that people know of is kept and tried again. What is no
  /// fault of its own, such as a full disk, does not count as an exit.
  mutating func startFailed(_ id: KernelID, _ failure: LaunchFailure, _ now: Instant) {
    let kernel = kernels[id]!
    let error = EngineError(failure.code, Self.message(failure, of: id))
    if !kernel.wasReady {
      abandonStart(id, failure.reason, error, now)
    } else if failure.code == .storage {
      fail(waiting: id, error)
      wait(configuration.storageRetry, id, now)
    } else {
      if kernel.exit == nil { kernels[id]!.exit = ExitInfo(detail: failure.reason, isLost: true) }
      backOff(id, failure.reason, now)
    }
  }

  private static func message(_ failure: LaunchFailure, of id: KernelID) -> String {
    if failure.code == .storage { return "\(failure.reason), so nothing was started; make room and try again" }
    // Some reasons are sentences of their own.
    return failure.reason.hasPrefix("\(id) ") ? failure.reason : "\(id) did not start: \(failure.reason)"
  }

  private mutating func abandonStart(_ id: KernelID, _ reason: String, _ error: EngineError, _ now: Instant) {
    let kernel = kernels[id]!
    note(id, .failed, error.message)
    fail(waiting: id, error)
    remove(id)
    poolKernelEnded(kernel, reason, now)
  }

  private mutating func exit(_ id: KernelID, _ now: Instant) {
    let kernel = kernels[id]!
    let reason = kernel.exit!.reason(limits: kernel.specification.limits)
    note(id, .died, reason)
    rest(id, .exited)
    fail(waiting: id, EngineError(.startFailed, "\(id) exited before it was used"))
    if kernel.isDraining { return discard(id) }
    poolKernelEnded(kernel, "its kernels end as soon as they have started: one \(reason)", now)
  }

  mutating func crash(_ id: KernelID, _ now: Instant) {
    let kernel = kernels[id]!
    let info = kernel.exit!
    let reason = info.reason(limits: kernel.specification.limits)
    if kernel.status == .starting, info.isPortTaken, tryNextPort(id, now) { return }
    note(id, .died, reason)
    if kernel.status == .starting, !kernel.wasReady {
      let log = info.detail.map { "; its last words:\n\($0)" } ?? " and no word in its log"
      let clause = info.clause(limits: kernel.specification.limits)
      let message = "\(id) ended before it answered: \(clause)\(log)"
      abandonStart(id, reason, EngineError(.startFailed, message), now)
    } else {
      backOff(id, reason, now)
    }
  }

  mutating func wait(_ delay: Duration, _ id: KernelID, _ now: Instant) {
    rest(id, .backoff)
    kernels[id]!.retryAt = now + delay
    timers.set(.backoff(id, generation: kernels[id]!.generation), at: now + delay)
    note(id, .restarting, "in \(delay.seconds) s")
  }

  /// No process is left, the row stays.
  mutating func rest(_ id: KernelID, _ status: Status) {
    kernels[id]!.status = status
    kernels[id]!.process = nil
    kernels[id]!.connections = 0
    kernels[id]!.reservations = []
    kernels[id]!.readySince = nil
    forgetMeasurements(id)
    effects.append(.unwatch(id))
    save(id)
  }

  /// A new launch of a kernel that has none.
  mutating func startAgain(_ id: KernelID, _ now: Instant) {
    kernels[id]!.status = .starting
    kernels[id]!.generation += 1
    kernels[id]!.portAttempts = 1
    kernels[id]!.readySince = nil
    kernels[id]!.retryAt = nil
    kernels[id]!.stop = nil
    kernels[id]!.afterStop = .remove
    touched.append(id)
    saveIntent(id)
  }

  private mutating func markUnhealthy(_ id: KernelID) {
    kernels[id]!.status = .unhealthy
    note(id, .unhealthy, "no heartbeat: \(kernels[id]!.missedHeartbeats) missed")
  }

  private mutating func markHealthy(_ id: KernelID, _ now: Instant) {
    markAnswering(id, now)
    note(id, .recovered, "its heart beats again")
  }

  mutating func markAnswering(_ id: KernelID, _ now: Instant) {
    kernels[id]!.status = kernels[id]!.isBusy ? .busy : .idle
    if !kernels[id]!.isBusy, kernels[id]!.idleSince == nil { kernels[id]!.idleSince = now }
  }

  private mutating func markIdle(_ id: KernelID, _ now: Instant) {
    kernels[id]!.isBusy = false
    kernels[id]!.status = .idle
    if kernels[id]!.idleSince == nil { kernels[id]!.idleSince = now }
  }

  /// The row and all that belongs to it.
  mutating func remove(_ id: KernelID) {
    guard let kernel = kernels.removeValue(forKey: id) else { return }
    intents[id] = nil
    unwritten[id] = nil
    references.remove(kernel)
    ports.release(kernel.port, of: id)
    effects.append(.unwatch(id))
    effects.append(.removeFiles(kernel))
    touched.append(id)
    save(id)
  }

  mutating func fail(waiting id: KernelID, _ error: EngineError) {
    for waiter in waiting.removeValue(forKey: id) ?? [] { effects.append(.answer(waiter.ticket, .failure(error))) }
  }

  mutating func note(_ id: KernelID?, _ event: Note.Name, _ detail: String) {
    effects.append(.note(Note(kernel: id, event: event, detail: detail)))
  }
}
