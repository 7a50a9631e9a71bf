// What the life of kernels means in numbers: read off the events that the engine is told and the effects that it wants.
import FleetEngine

/// Records spawns, ends, executions and decisions, and how long each kernel was busy. Bounded by the kernels there are.
struct LifeMeter {
  private let meters: HostMeters
  /// Kernels that have not answered for the first time yet.
  private var spawned: [KernelID: Instant] = [:]
  /// Of executions that are over.
  private var busyTime: [KernelID: Duration] = [:]

  init(_ meters: HostMeters) { self.meters = meters }

  /// How long a kernel was busy since its spawn or since the host's start, with the execution under way.
  func busy(_ kernel: Kernel, now: Instant) -> Duration {
    (busyTime[kernel.id] ?? .zero) + (kernel.busySince.map { now - $0 } ?? .zero)
  }

  /// - Parameters:
  ///   - event: what the engine was told.
  ///   - busySince: of the kernel that the event is about, before the engine was told.
  ///   - kernel: a kernel as it is afterwards; nil if it is gone.
  mutating func observe(
    _ event: Event, _ effects: [Effect], busySince: Instant?, now: Instant, kernel: (KernelID) -> Kernel?
  ) {
    if let since = busySince, let id = event.kernel, kernel(id)?.busySince != since {
      busyTime[id, default: .zero] += now - since
      // The end of a process is the end of no execution.
      if case .activity = event { meters.execute.record(now - since) }
    }
    for effect in effects {
      switch effect {
      case .note(let note): observe(note, Self.exit(event) ?? note.kernel.flatMap { kernel($0)?.exit }, now)
      case .decided(let decision): observe(decision)
      case .removeFiles(let kernel): forget(kernel.id)
      default: break
      }
    }
  }

  private mutating func observe(_ note: Note, _ exit: ExitInfo?, _ now: Instant) {
    guard let id = note.kernel else { return }
    switch note.event {
    case .spawned:
      meters.spawns.increment()
      spawned[id] = now
    case .ready:
      if let since = spawned.removeValue(forKey: id) { meters.spawn.record(now - since) }
    case .restarted: meters.restarts.increment()
    case .failed: meters.failures.increment()
    case .died: meters.deaths.increment(HostMeters.Death(exit))
    default: break
    }
  }

  private func observe(_ decision: Decision) {
    let entry = decision.question.entry
    let decider: HostMeters.Decider =
      decision.isFallback ? .fallback : decision.policy.policy == nil ? .native : .policy
    meters.decisions.increment(HostMeters.DecisionLabel(entry: entry, decider: decider))
    if !decision.clamps.isEmpty { meters.clamps.increment(entry) }
    if decision.policy.policy != nil { meters.policy[entry]?.record(decision.policy.duration) }
  }

  private static func exit(_ event: Event) -> ExitInfo? {
    if case .exited(_, _, let exit) = event { exit } else { nil }
  }

  private mutating func forget(_ id: KernelID) {
    spawned[id] = nil
    busyTime[id] = nil
  }
}

extension Event {
  /// The kernel that an event about one process speaks of.
  var kernel: KernelID? {
    switch self {
    case .activity(let id, _, _), .exited(let id, _, _): id
    default: nil
    }
  }
}

extension HostMeters.Death {
  fileprivate init(_ exit: ExitInfo?) {
    guard let exit else {
      self = .lost
      return
    }
    if exit.outOfMemory {
      self = .outOfMemory
    } else if exit.signal != nil {
      self = .signal
    } else if exit.isClean {
      self = .clean
    } else {
      self = exit.code == nil ? .lost : .exitCode
    }
  }
}
