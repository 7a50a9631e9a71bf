// The end that somebody asked for: shutdown_request → SIGTERM → SIGKILL of everything below the shim.

extension Engine {
  mutating func beginStop(_ id: KernelID, restart: Bool) {
    kernels[id]!.status = .stopping
    if restart {
      kernels[id]!.afterStop = .restart
      kernels[id]!.stop = StopProgress(step: .intent, timeout: .seconds(5))
    }
    let isRetired = kernels[id]!.isDraining && waiting[id] == nil
    let by = kernels[id]!.stop?.by.map { " \($0)" } ?? ""
    let why = isRetired ? "retired\(by), and nobody has it" : "asked for\(by)"
    note(id, .stopping, restart ? "to be restarted" : why)
    saveIntent(id)
  }

  /// The intent cannot be written. A full disk must not keep a kernel alive; but one that could not be started again
  /// afterwards is not ended either.
  mutating func stopUnwritten(_ id: KernelID, _ failure: LaunchFailure, _ now: Instant) {
    let kernel = kernels[id]!
    guard kernel.afterStop == .restart, kernel.stop?.step == .intent, kernel.process != nil else {
      return actOnStop(id, now)
    }
    kernels[id]!.stop = nil
    kernels[id]!.afterStop = .remove
    if kernel.missedHeartbeats >= Self.mostMissedHeartbeats {
      kernels[id]!.status = .unhealthy
      note(id, .unhealthy, "not restarted: \(failure.reason)")
    } else {
      markAnswering(id, now)
      note(id, .recovered, "not restarted: \(failure.reason)")
    }
    fail(
      waiting: id,
      EngineError(.storage, "\(failure.reason), so \(id) was not restarted and goes on; make room and try again"))
  }

  /// The intent is on the disk, or somebody asked again.
  mutating func actOnStop(_ id: KernelID, _ now: Instant) {
    guard intents[id] == nil else { return }
    let kernel = kernels[id]!
    if kernel.process == nil {
      if !kernel.isLaunching { finishStop(id, now) }
    } else if kernel.stop?.step == .intent || (kernel.stop?.timeout == .zero && kernel.stop?.step != .kill) {
      escalate(id, now)
    }
  }

  mutating func escalate(_ id: KernelID, _ now: Instant) {
    let kernel = kernels[id]!
    guard var progress = kernel.stop, kernel.process != nil else { return }
    let next = nextStep(of: kernel, progress)
    progress.step = next
    kernels[id]!.stop = progress
    let patience: Duration
    switch next {
    case .intent, .request:
      effects.append(.requestShutdown(kernel))
      patience = progress.timeout
    case .terminate:
      effects.append(.signal(kernel, .terminate))
      patience = configuration.killAfter
    case .kill:
      effects.append(.signal(kernel, .kill))
      patience = configuration.killAfter
    }
    timers.set(.stop(id, generation: kernel.generation, next), at: now + patience)
  }

  /// A kernel that never answered, or whose heart stands still, will not read a shutdown_request.
  private func nextStep(of kernel: Kernel, _ progress: StopProgress) -> StopProgress.Step {
    if progress.timeout == .zero { return .kill }
    switch progress.step {
    case .intent:
      let listens = kernel.readySince != nil && kernel.missedHeartbeats == 0
      return listens ? .request : .terminate
    case .request: return .terminate
    case .terminate, .kill: return .kill
    }
  }

  mutating func finishStop(_ id: KernelID, _ now: Instant) {
    let kernel = kernels[id]!
    kernels[id]!.process = nil
    switch kernel.afterStop {
    case .restart:
      effects.append(.unwatch(id))
      note(id, .restarting, "asked for")
      startAgain(id, now)
    case .fail(let reason):
      kernels[id]!.stop = nil
      startFailed(id, LaunchFailure(reason: reason), now)
    case .remove: discard(id)
    }
  }

  /// Removes the row. If the disk says already that the kernel is to be removed, a host that finds it without a process
  /// finishes that, so the removal needs no sync; else it does before anybody is told.
  mutating func discard(_ id: KernelID) {
    let kernel = kernels[id]!
    let end = kernel.exit.map { $0.reason(limits: kernel.specification.limits) } ?? "had no process"
    note(id, .stopped, end + (kernel.stop?.by.map { ", stopped \($0)" } ?? ""))
    let isSaved = kernel.stop?.isSaved == true
    for waiter in waiting.removeValue(forKey: id) ?? [] {
      if case .stop = waiter.purpose {
        afterCommit.append(.answer(waiter.ticket, .kernel(kernel), isSafe: isSaved))
      } else {
        effects.append(.answer(waiter.ticket, .failure(EngineError(.wrongState, "\(id) was stopped by somebody else"))))
      }
    }
    remove(id)
    if !isSaved { unsavedIsDurable = true }
  }
}
