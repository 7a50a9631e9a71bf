// The heart: kernels, events in, effects out. It has no clock, does no I/O, and makes no random choice, so the same
// events give the same effects: live, under test and in a simulation.
import OrderedCollections

public struct EngineConfiguration: Sendable {
  public var basePort: Int = 9555
  /// How long a kernel may take to answer for the first time.
  public var startTimeout: Duration = .seconds(60)
  /// Between SIGTERM and SIGKILL, and between one SIGKILL and the next.
  public var killAfter: Duration = .seconds(2)
  /// How long a client may be asked to wait by the router.
  public var findTimeout: Duration = .seconds(60)
  /// How long an answer of the router counts as a client that is about to connect.
  public var reservation: Duration = .seconds(5)
  /// How long policies and the resolver may be silent before the native rule takes over; they have shorter deadlines of
  /// their own.
  public var answerTimeout: Duration = .seconds(10)
  public var backoff = Backoff()
  /// When rows that could not be written are tried again.
  public var storageRetry: Duration = .seconds(5)
  /// The entry points that have a policy; where there is none, the native rule decides.
  public var entries: Set<EntryPoint> = [.route]
  /// In the order in which they are shown.
  public var pools: [Pool] = []
  /// When kernels of Jupyter's clients are culled; nil: they stay until somebody ends them.
  public var culling: Culling?
  /// How often the alert policy is asked.
  public var alertInterval: Duration = .seconds(10)
  /// How long the host may take to make kernels of a pool's template.
  public var provisionTimeout: Duration = .seconds(60)
  /// How often connections are counted while kernels are being retired.
  public var drainInterval: Duration = .seconds(5)

  public init() {}
}

public struct Engine: Sendable {
  public let configuration: EngineConfiguration
  /// All kernels, in the order of spawning.
  public internal(set) var kernels: OrderedDictionary<KernelID, Kernel> = [:]
  /// Kernels that were ever spawned.
  public internal(set) var totalSpawned = 0
  public internal(set) var ports: Ports

  // Bookkeeping of one call of `handle`, flushed at its end.
  var effects: [Effect] = []
  var touched: OrderedSet<KernelID> = []
  var unsaved: OrderedSet<KernelID> = []
  var unsavedIsDurable = false
  var afterCommit: [AfterCommit] = []

  var rows: OrderedDictionary<KernelID, KernelRow> = [:]
  var waiting: [KernelID: [Waiting]] = [:]
  var timers = Timers()
  var wakeAt: Instant?
  var commits: [Int: PendingCommit] = [:]
  var lastCommit = 0
  /// The commits that carry the latest intent of a kernel and are not answered.
  var intents: [KernelID: Int] = [:]
  /// Kernels that answered for the first time or found an owner, and the commit that says so, until it is written.
  var unwritten: [KernelID: Int] = [:]
  /// Kernels whose rows could not be written; tried again.
  var lost: OrderedSet<KernelID> = []
  var lostIsDurable = false
  var retryIsSet = false
  var routing = Routing()
  /// Questions asked so far, of all entry points. Each time a request is asked about it gets a new number, so that a
  /// late answer to an earlier question cannot be taken for the answer to this one.
  var lastQuestion = 0
  /// Questions that no client waits for.
  var inquiries: [Int: (PolicyQuestion, Inquiry)] = [:]
  var poolStates: OrderedDictionary<String, PoolState> = [:]
  /// Pools of which something changed.
  var dirtyPools: OrderedSet<String> = []
  /// Kernels that are being retired.
  var draining: OrderedSet<KernelID> = []
  /// A timer looks after connections of kernels that are being retired.
  var isCounting = false
  /// What is asked at the end of this call.
  var due: [DueInquiry] = []
  var reportedProblems: [AlertCondition] = []
  var alerter = Alerter()
  /// What parts of the host found last, by their names.
  var hostConditions: OrderedDictionary<String, [AlertCondition]> = [:]
  /// What the alert policy found last.
  var lastConditions: [AlertCondition] = []
  var isAlertAsked = false
  var isCullAsked = false
  var alertTimerIsSet = false
  /// The first event was taken in.
  var hasBegun = false
  var references = References()
  /// Kernels whose reservations a timer looks after.
  var expiring: Set<KernelID> = []

  public init(configuration: EngineConfiguration = EngineConfiguration(), totalSpawned: Int = 0) {
    self.configuration = configuration
    self.totalSpawned = totalSpawned
    ports = Ports(base: configuration.basePort)
    for pool in configuration.pools { poolStates[pool.name] = PoolState(pool) }
  }

  /// Takes in one event and says what is to be done, in order. `now` never goes backwards.
  public mutating func handle(_ event: Event, now: Instant) -> [Effect] {
    effects = []
    if event.isAnswer {
      // The next question may follow at once, and what is due now is not to change a row after it.
      fireTimers(now)
      settlePools(now)
    }
    dispatch(event, now)
    if !hasBegun { begin(now) }
    fireTimers(now)
    pumpQuestions(now)
    settlePools(now)
    inquire(now)
    flushRows()
    flushCommit(now)
    if let next = timers.next, next != wakeAt {
      wakeAt = next
      effects.append(.wake(at: next))
    }
    return effects
  }

  private mutating func dispatch(_ event: Event, _ now: Instant) {
    switch event {
    case .command(let ticket, let command): handle(command, ticket, now)
    case .committed(let sequence): committed(sequence, now)
    case .commitFailed(let sequence, let reason): commitFailed(sequence, reason, now)
    case .answered(let question, let answer): answered(question, answer, now)
    case .resolved(let question, let result): resolved(question, result, now)
    case .recovered(let found): recover(found, now)
    case .connections(let counts): connectionsCounted(counts, now)
    case .samples(let samples): sampled(samples, now)
    case .provided(let pool, let result): provided(pool, result, now)
    case .conditions(let source, let found): conditions(source, found, now)
    // Whoever ticks has no alarm left, and may have been a little early.
    case .tick: wakeAt = nil
    default: kernelEvent(event, now)
    }
  }

  /// Events about one launch. Those about an earlier one are late news, those that are told again are no news.
  private mutating func kernelEvent(_ event: Event, _ now: Instant) {
    switch event {
    case .launched(let id, let generation, let process):
      guard isCurrent(id, generation), kernels[id]!.isLaunching else { return }
      kernels[id]!.process = process
      kernels[id]!.isLaunching = false
      trigger(.launched, id, now)
    case .launchFailed(let id, let generation, let failure):
      guard isCurrent(id, generation), kernels[id]!.isLaunching else { return }
      kernels[id]!.isLaunching = false
      trigger(.launchFailed, id, now, failure: failure)
    case .ready(let id, let generation):
      guard runs(id, generation) else { return }
      kernels[id]!.isBusy = false
      trigger(.ready, id, now)
    case .exited(let id, let generation, let info):
      guard isCurrent(id, generation), mayHaveProcess(kernels[id]!) else { return }
      // What could not be told was being stopped, and now it can.
      if kernels[id]!.status == .unknown, kernels[id]!.stop != nil { kernels[id]!.status = .stopping }
      kernels[id]!.exit = info
      kernels[id]!.process = nil
      kernels[id]!.isLaunching = false
      trigger(info.isClean ? .exitedCleanly : .crashed, id, now)
    case .heartbeat(let id, let generation, let alive):
      if runs(id, generation) { heartbeat(id, alive, now) }
    case .activity(let id, let generation, let busy):
      guard runs(id, generation) else { return }
      becameBusy(id, busy, now)
      trigger(busy ? .becameBusy : .becameIdle, id, now)
    default: preconditionFailure("\(event) is no event of one kernel")
    }
  }

  private func isCurrent(_ id: KernelID, _ generation: Int) -> Bool { kernels[id]?.generation == generation }

  private func runs(_ id: KernelID, _ generation: Int) -> Bool {
    isCurrent(id, generation) && kernels[id]!.process != nil
  }

  /// The end of a process can be known before its launcher has said that it is there.
  private func mayHaveProcess(_ kernel: Kernel) -> Bool {
    kernel.process != nil || kernel.isLaunching || kernel.status == .unknown
  }

  private mutating func fireTimers(_ now: Instant) {
    while let due = timers.popDue(now) {
      switch due {
      case .start(let id, let generation):
        if isCurrent(id, generation) { trigger(.startTimedOut, id, now) }
      case .stop(let id, let generation, let step):
        if isCurrent(id, generation), kernels[id]!.stop?.step == step { trigger(.stopOverdue, id, now) }
      case .backoff(let id, let generation):
        if isCurrent(id, generation), kernels[id]!.status == .backoff { trigger(.backoffOver, id, now) }
      case .ask(let question): askAgain(question)
      case .answer: lookForAnswer(now)
      case .inquiry(let question): lookForAnswer(to: question, now)
      case .scale(let pool): scaleIsDue(pool, now)
      case .cull: cullIsDue(now)
      case .pool(let pool): look(at: pool)
      case .provision(let pool, let number): provisionOverdue(pool, number, now)
      case .connections: countAgain(now)
      case .alert: lookAtAlerts(now)
      case .reservations(let id): expireReservations(id, now)
      case .retryCommit: retryLostCommits()
      }
    }
  }

  /// Looks the trigger up in the table and takes the step.
  mutating func trigger(_ trigger: Trigger, _ id: KernelID, _ now: Instant, failure: LaunchFailure? = nil) {
    take(kernels[id]!.status.step(on: trigger), id, now, failure: failure)
  }
}
