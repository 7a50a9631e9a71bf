// A host has started: what the registry says is compared with what lives.

extension Engine {
  mutating func recover(_ found: [Recovered], _ now: Instant) {
    let found = found.sorted { $0.kernel.serial < $1.kernel.serial }
    // All rows before any fate: what one kernel needs anew, such as a port, must not be another's.
    for recovered in found { know(recovered) }
    for recovered in found where recovered.mayRun { ports.take(recovered.kernel.port, for: recovered.kernel.id) }
    for recovered in found where !recovered.mayRun { takePort(recovered.kernel.id, now) }
    for recovered in found {
      let id = recovered.kernel.id
      switch recovered.fate {
      case .running(let process): adopt(id, process, now)
      case .ended(let info): endedMeanwhile(id, info, recovered.backoff, now)
      case .absent: absent(id, recovered, now)
      case .unknown(let why):
        kernels[id]!.status = .unknown
        note(id, .unhealthy, "cannot be told: \(why)")
      }
    }
  }

  private mutating func know(_ recovered: Recovered) {
    var kernel = recovered.kernel
    references.add(&kernel)
    // That it had answered need not have been synced, so somebody may have been told of it.
    if recovered.isOtherBoot { kernel.wasReady = true }
    if kernel.status == .stopping {
      kernel.stop = StopProgress(step: .intent, timeout: .seconds(5), isSaved: true)
    }
    kernels[kernel.id] = kernel
    if kernel.sessions != recovered.kernel.sessions { save(kernel.id) }
    totalSpawned = max(totalSpawned, kernel.serial)
    touched.append(kernel.id)
  }

  /// Two rows can name the same port, if the one that moved away could not be written before the host died.
  private mutating func takePort(_ id: KernelID, _ now: Instant) {
    if ports.holder(of: kernels[id]!.port) != nil, let next = ports.next(now: now) {
      kernels[id]!.port = next
      save(id)
    }
    ports.take(kernels[id]!.port, for: id)
  }

  private mutating func adopt(_ id: KernelID, _ process: Process, _ now: Instant) {
    kernels[id]!.process = process
    let status = kernels[id]!.status
    note(id, .adopted, "pid \(process.kernel)")
    effects.append(.adopt(kernels[id]!))
    switch status {
    case .stopping: actOnStop(id, now)
    case .starting: take(.probe, id, now)
    default:
      // It counts as busy until it answers, so that a long computation is not taken for a hang.
      kernels[id]!.status = .busy
      kernels[id]!.isBusy = true
      kernels[id]!.readySince = now
      effects.append(.probe(kernels[id]!))
      effects.append(.watch(kernels[id]!))
    }
  }

  private mutating func endedMeanwhile(_ id: KernelID, _ info: ExitInfo, _ backoff: Duration?, _ now: Instant) {
    switch kernels[id]!.status {
    case .exited, .failed: return
    case .backoff: resumeBackoff(id, backoff, now)
    default:
      kernels[id]!.exit = info
      kernels[id]!.exit!.isUnseen = true
      if kernels[id]!.status == .unknown { kernels[id]!.status = .busy }
      trigger(info.isClean ? .exitedCleanly : .crashed, id, now)
    }
  }

  private mutating func absent(_ id: KernelID, _ recovered: Recovered, _ now: Instant) {
    let kernel = recovered.kernel
    switch kernel.status {
    case .exited, .failed: return
    case .backoff: resumeBackoff(id, recovered.backoff, now)
    case .stopping: finishStop(id, now)
    case .starting where kernel.wasReady:
      kernels[id]!.portAttempts = 1
      saveIntent(id)
    case .starting where !recovered.isOtherBoot:
      note(id, .failed, "the host ended before it was launched")
      remove(id)
    default:
      kernels[id]!.exit = ExitInfo(
        detail: recovered.isOtherBoot ? "the machine was started anew" : nil, isLost: true)
      if recovered.isOtherBoot {
        kernels[id]!.status = .exited
        note(id, .died, "the machine was started anew")
        save(id)
      } else {
        note(id, .died, kernels[id]!.exit!.reason(limits: kernel.specification.limits))
        backOff(id, "its shim was killed", now)
      }
    }
  }

  private mutating func resumeBackoff(_ id: KernelID, _ left: Duration?, _ now: Instant) {
    let rule = configuration.backoff
    // A policy may have been more patient than the native rule.
    let isPatient = configuration.entries.contains(.restart)
    let longest = isPatient ? .seconds(Self.restartDelays.upperBound) : rule.longest
    let at = now + max(.zero, min(left ?? rule.first, longest))
    kernels[id]!.retryAt = at
    timers.set(.backoff(id, generation: kernels[id]!.generation), at: at)
  }
}
