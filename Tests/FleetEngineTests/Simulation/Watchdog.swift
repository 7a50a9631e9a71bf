// What must hold after every event, whatever happened before.
@testable import FleetEngine

struct Watchdog {
  struct Look {
    fileprivate var kernels: [KernelID: Kernel] = [:]
  }

  private var backoffs: [KernelID: BackoffModel] = [:]
  /// Kernels that are ended without a row that says so: it could not be written, or they never answered.
  private(set) var unannounced: Set<KernelID> = []
  private var allowed = PolicySeat.quota
  private var allowedInPool: [String: Int] = [:]
  private let configuration: EngineConfiguration

  init(_ configuration: EngineConfiguration) { self.configuration = configuration }

  func look(at engine: Engine) -> Look {
    var look = Look()
    for (id, kernel) in engine.kernels { look.kernels[id] = kernel }
    return look
  }

  mutating func failed(_ commit: SimulatedDisk.Commit) { unannounced.formUnion(commit.changes.map(\.id)) }

  mutating func check(_ engine: Engine, _ before: Look, _ event: Event, _ now: Int64) throws {
    for (id, kernel) in engine.kernels {
      let former = before.kernels[id]
      try checkStep(from: former, to: kernel, event)
      try checkProcess(kernel)
      try checkReservations(kernel, now)
      if configuration.entries.contains(.restart) {
        try checkPatience(from: former, to: kernel, event, now)
      } else {
        try backoffs[id, default: BackoffModel()].follow(from: former, to: kernel, event, now)
      }
    }
    for (id, kernel) in before.kernels where engine.kernels[id] == nil {
      backoffs[id] = nil
      try checkEnd(kernel)
    }
    try checkPorts(engine)
    for id in engine.waiting.keys where engine.kernels[id]?.status != .starting {
      guard engine.kernels[id]?.status == .stopping else {
        throw Violation("somebody waits for \(id), which does nothing")
      }
    }
    for pool in configuration.pools { try checkMaximum(of: pool, engine, event) }
    try checkQuota(engine.kernels.values.count { $0.specification.language == PolicySeat.quotaLanguage }, event)
  }

  /// A kernel whose removal could not be written, because the disk was full, comes back with the next host; another may
  /// have taken its place. Nobody may add to such an excess.
  private mutating func checkQuota(_ count: Int, _ event: Event) throws {
    // Where nobody is asked about requests, nobody keeps quotas.
    guard !configuration.entries.isDisjoint(with: [.route, .admit]) else { return }
    if case .recovered = event { allowed = count }
    allowed = max(PolicySeat.quota, min(allowed, count))
    if count > allowed { throw Violation("\(count) kernels, where \(allowed) are allowed") }
  }

  /// Neither refills nor spawns nor restarts by hand go beyond the maximum; what came back from the dead may have.
  private mutating func checkMaximum(of pool: Pool, _ engine: Engine, _ event: Event) throws {
    let count = engine.kernels.values.count {
      $0.specification.pool == pool.name && $0.status != .exited && $0.status != .failed
    }
    let former = allowedInPool[pool.name] ?? pool.maximum
    var allowed = former
    if case .recovered = event { allowed = count }
    allowed = max(pool.maximum, min(allowed, count))
    allowedInPool[pool.name] = allowed
    if count > allowed { throw Violation("pool \(pool.name) has \(count) kernels, where \(allowed) are allowed") }
  }

  /// Scaling ends nobody who has a client, a reservation or something to do.
  private func checkRetirement(from former: Kernel, to kernel: Kernel, _ event: Event) throws {
    guard former.isDraining, former.status != .stopping, kernel.status == .stopping, former.status != .starting else {
      return
    }
    if case .command(_, .stop(kernel.id, _, _, _)) = event { return }
    if kernel.clients > 0 { throw Violation("\(kernel.id) is retired, and has a client") }
    if kernel.isBusy { throw Violation("\(kernel.id) is retired, and is busy") }
    if !kernel.isSeenEmpty { throw Violation("\(kernel.id) is retired, and nobody looked") }
  }

  /// A policy's delay is waited for.
  private func checkPatience(from former: Kernel?, to kernel: Kernel, _ event: Event, _ now: Int64) throws {
    if case .recovered = event { return }
    if case .command(_, .restart(kernel.id)) = event { return }
    guard former?.status == .backoff, kernel.status == .starting else { return }
    guard let retryAt = former?.retryAt, retryAt.nanoseconds <= now else {
      throw Violation("\(kernel.id) starts before its delay is over")
    }
  }

  // MARK: Status

  private static let steps: [Status: Set<Status>] = [
    .starting: [.idle, .stopping, .backoff, .failed],
    .idle: [.busy, .unhealthy, .exited, .backoff, .failed, .stopping],
    .busy: [.idle, .unhealthy, .exited, .backoff, .failed, .stopping],
    .unhealthy: [.idle, .busy, .exited, .backoff, .failed, .stopping],
    .stopping: [.starting, .backoff, .failed],
    .backoff: [.starting, .failed], .exited: [.starting], .failed: [.starting],
    .unknown: [.exited, .backoff, .failed],
  ]

  private mutating func checkStep(from former: Kernel?, to kernel: Kernel, _ event: Event) throws {
    if case .recovered = event { return }
    guard let former else {
      // A timer that is due at the same moment, such as the end of a delay, can make one needless that was just made.
      let isNeedless = kernel.status == .stopping && kernel.isDraining && !kernel.isLaunching
      if kernel.status != .starting, !isNeedless { throw Violation("\(kernel.id) is new and \(kernel.status)") }
      return
    }
    if kernel.generation < former.generation { throw Violation("\(kernel.id) went back to an earlier launch") }
    guard kernel.status != former.status else { return }
    try checkRetirement(from: former, to: kernel, event)
    if former.isClaimed && !kernel.isClaimed { throw Violation("\(kernel.id) was somebody's") }
    // A kernel of a pool that comes back and is not needed is ended at once.
    let isNeedless = former.status == .backoff && kernel.status == .stopping && kernel.isDraining
    if Self.steps[former.status]?.contains(kernel.status) != true, !isNeedless,
      !Self.isCalledOff(from: former, to: kernel, event)
    {
      throw Violation("\(kernel.id) went from \(former.status) to \(kernel.status)")
    }
    if kernel.status == .starting, kernel.generation == former.generation {
      throw Violation("\(kernel.id) starts again with the nonce of an earlier launch")
    }
    if kernel.status == .stopping {
      if case .fail = kernel.afterStop { unannounced.insert(kernel.id) } else { unannounced.remove(kernel.id) }
    }
  }

  /// A restart that could not be written, and of which nothing was done yet.
  private static func isCalledOff(from former: Kernel, to kernel: Kernel, _ event: Event) -> Bool {
    guard case .commitFailed = event, former.status == .stopping, former.afterStop == .restart else { return false }
    return former.stop?.step == .intent && former.process == kernel.process && kernel.stop == nil
      && [.idle, .busy, .unhealthy].contains(kernel.status)
  }

  private func checkEnd(_ kernel: Kernel) throws {
    switch kernel.status {
    case .stopping, .backoff, .exited, .failed: break
    case .starting where !kernel.wasReady: break
    // Of a pool, and nobody's.
    case _ where kernel.isDraining || (kernel.specification.pool != nil && !kernel.isClaimed): break
    default: throw Violation("\(kernel.id) was \(kernel.status) and is gone")
    }
  }

  private func checkProcess(_ kernel: Kernel) throws {
    let isRight =
      switch kernel.status {
      case .idle, .busy, .unhealthy: kernel.process != nil
      case .backoff, .exited, .failed: kernel.process == nil && !kernel.isLaunching
      case .starting, .stopping, .unknown: true
      }
    if !isRight { throw Violation("\(kernel.id) is \(kernel.status), process: \(String(describing: kernel.process))") }
  }

  /// A client that was sent is expected for five seconds, and whoever was promised a starting kernel until it answers.
  private func checkReservations(_ kernel: Kernel, _ now: Int64) throws {
    guard kernel.status == .idle || kernel.status == .busy else { return }
    for end in kernel.reservations.map(\.nanoseconds)
    where end < now - World.latestAlarm || end > now + 5 * World.second {
      throw Violation("\(kernel.id) is reserved until \(Double(end) / 1e9)")
    }
  }

  /// The row of a kernel that cannot be told may be one whose removal was lost: its port can be another's by now.
  private func checkPorts(_ engine: Engine) throws {
    let ports = engine.kernels.values.filter { $0.status != .unknown }.map(\.port).sorted()
    for (port, next) in zip(ports, ports.dropFirst()) where next - port < Ports.perKernel {
      throw Violation("the ports from \(port) and from \(next) on overlap")
    }
  }
}
