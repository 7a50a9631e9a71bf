// The host: an actor around the engine. It carries out effects through the drivers and feeds what they report back.
import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import JupyterProtocol
import Logging

public actor FleetHost {
  /// What a host is made of; the composition root fills it in.
  public struct Setup: Sendable {
    public var directory: FleetDirectory
    public var configuration: FleetConfiguration
    /// The paths of `fleet-shim` and, if it is there, `fleet-kernel`.
    public var shim: String
    public var luaKernel: String?
    public var locator: Locator
    public var policies: any FleetEngine.Policies
    /// What kernels inherit.
    public var environment: [String: String]
    public var log: Logger
    /// Between two heartbeats of one kernel; tests take less than the usual five seconds.
    public var heartbeat: Duration = Wire.heartbeatInterval
    /// What is kept for clients of the gateway.
    public var channels: ChannelLimits
    /// The files of the built-in kernel's kernelspec, by name.
    public var builtInResources: @Sendable () -> [String: [UInt8]] = { [:] }
    /// The engine's delays; its base port is that of `configuration`.
    public var engine = EngineConfiguration()

    public init(
      directory: FleetDirectory, configuration: FleetConfiguration, shim: String, luaKernel: String?,
      locator: Locator, policies: any FleetEngine.Policies, environment: [String: String], log: Logger
    ) {
      self.directory = directory
      self.configuration = configuration
      self.shim = shim
      self.luaKernel = luaKernel
      self.locator = locator
      self.policies = policies
      self.environment = environment
      self.log = log
      channels = ChannelLimits(configuration.channels)
    }
  }

  /// What requests may expect.
  enum Phase {
    /// Requests wait until it is known which kernels live.
    case opening([CheckedContinuation<Void, Never>])
    case open
    /// Clients are refused; kernels are still being stopped.
    case closing
    case closed
  }

  public nonisolated let setup: Setup
  public nonisolated let startedAt = FleetHost.wallMilliseconds()
  let lock: HostLock
  let database: RegistryDatabase
  let writer: RegistryWriter
  let files: KernelFiles
  let resolver: Resolver
  let processes: ProcessDriver
  let wire: WireDriver
  let hub: ChannelHub
  /// What was done since the start, in numbers.
  public nonisolated let meters = HostMeters()
  let usage: UsageSampler
  let groups: GroupSampler
  /// Nil if nobody wants one.
  let history: HistoryRecorder?
  let counter = ClientCounter()
  let mirror: RegistryMirror
  let recorder: DecisionRecorder
  let notifier: AlertNotifier
  /// What `GET /events` tells.
  public nonisolated let events: EventFeed
  /// `POST` requests that may come twice.
  public nonisolated let repeats = RepeatedRequests()
  let inbox = Inbox()
  /// For files: configs, kernelspecs, logs, stories. Some may be on disks that hang.
  let lookups = BlockingQueue("fleet.host.lookups")
  /// For kernels' logs, which are long: a start waits for nobody who reads them.
  let logs = BlockingQueue("fleet.host.logs")
  /// For what the system knows of processes and connections: a list never waits for a file.
  let measures = BlockingQueue("fleet.host.measures")
  /// The same for /proc, beside the counting of connections: both take as long with many kernels.
  let sampling = BlockingQueue("fleet.host.sampling")
  /// For interrupts, which never wait for anything else.
  let interrupts = BlockingQueue("fleet.host.interrupts")
  /// For what nobody but a stop waits for.
  let removals = BlockingQueue("fleet.host.removals")

  var engine: Engine
  var phase = Phase.opening([])
  /// What the registry held when it was opened, until it is compared with what lives.
  var found: RegistryDatabase.Content?
  var requests: [Ticket: CheckedContinuation<Reply, any Error>] = [:]
  var lastTicket = 0
  /// Variables of kernels whose first launch has not happened yet.
  var environments: [KernelID: [String: String]] = [:]
  /// Kernels that are gone, until the disk says so too: then their files go.
  var departed: [KernelID: Kernel] = [:]
  /// The commits that say so.
  var departures: [Int: [KernelID]] = [:]
  var clients = ClientRegister()
  lazy var life = LifeMeter(meters)
  var wakeTask: Task<Void, Never>?
  /// Rounds of measuring, while they are needed.
  var measuring: Task<Void, Never>?
  /// A policy or a pool lives on measurements.
  let needsMeasures: Bool
  /// Established peers of kernels that are not connected through the host, as they were last counted.
  var directConnections: [KernelID: Int] = [:]
  var waitingForCount: [CheckedContinuation<Void, Never>] = []
  var isCounting = false
  /// Clients have come or gone since the last count, and the next one is near.
  var isCountDue = false
  var lastCount: FleetEngine.Instant?
  /// Why clients could not be counted the last time.
  var countProblem: SystemError?
  var latestRound: MeasuringRound?
  var runningRound: Task<MeasuringRound, Never>?
  /// The round of which the engine was told last.
  var toldRound: FleetEngine.Instant?
  /// A round that began before knows nothing of the newest process.
  var lastLaunch = FleetEngine.Instant(nanoseconds: 0)
  /// Rounds for the history, while there are kernels.
  var recording: Task<Void, Never>?
  /// Whose policies failed by themselves, until their decisions are made.
  var failedQuestions: Set<Int> = []
  /// What was told last of who is busy, and whose kernels they are.
  var activity: [KernelID: Activity] = [:]
  /// Firing alerts are told again to those who forget.
  var repeating: Task<Void, Never>?
  /// Of which alerts nobody is told.
  var silences: [Silence]
  let silenceFile: SilenceFile
  var isKeepingSilences = false
  var waitingForSilences: [CheckedContinuation<Void, Never>] = []
  var silenceTimer: Task<Void, Never>?
  /// Alerts that fire and that nobody was told of, because they were silenced.
  var hushed: Set<AlertView.Identity> = []
  var pendingNotes: [StoredNote] = []
  /// What was told of policies that are out of use.
  var policyConditions: [AlertCondition] = []
  var sessions = SessionRegister()
  /// Sessions that are being made, by their places, and who waits to have the same one.
  var sessionsUnderWay: [SessionRegister.Place: [CheckedContinuation<Void, Never>]] = [:]
  var models = KernelModelCache()
  /// Nothing of a kernel changes without one.
  var eventsHandled = 0
  private let epoch = ContinuousClock.now

  /// Takes the directory and opens the registry.
  /// - Throws: `AlreadyRunning`, `ConfigurationError` or `StorageError`.
  public init(setup: Setup) throws {
    self.setup = setup
    let directory = setup.directory
    lock = try HostLock(path: directory.pidFile, directory: directory.path)
    if let pid = lock.fallen {
      setup.log.warning(
        "the last host (pid \(pid)) did not end by itself: it was killed, it crashed, or its machine did")
    }
    let (database, content) = try RegistryDatabase.open(path: directory.database)
    self.database = database
    found = content
    // Two hosts may start in one millisecond, and clocks go back; a stored run that is nonsense is none.
    let former = content.lastRun < Int64.max / 2 ? content.lastRun : 0
    events = EventFeed(run: max(FleetHost.wallMilliseconds(), former + 1))
    let bootID = Recovery.bootID()
    writer = RegistryWriter(database: database, bootID: bootID, log: setup.log) { [inbox] problem in
      inbox.post(.conditions(source: "registry", AlertCondition.unwritable(problem)))
    }
    files = KernelFiles(directory: directory, bootID: bootID)
    let (configuration, luaKernel, environment) = (setup.configuration, setup.luaKernel, setup.environment)
    resolver = Resolver(configuration: configuration, locator: setup.locator) {
      .discover(configuration: configuration, luaKernel: luaKernel, environment: environment)
    }
    processes = try ProcessDriver(setup: setup, files: files, resolver: resolver, inbox: inbox)
    wire = try WireDriver(files: files, inbox: inbox, log: setup.log, heartbeat: setup.heartbeat)
    hub = ChannelHub(wire: wire.wire, files: files, limits: setup.channels, log: setup.log)
    let bounds = DecisionLog.Bounds(
      size: configuration.decisions.maximumSize.bytes, age: configuration.decisions.maximumAge)
    recorder = DecisionRecorder(path: directory.decisions, bounds: bounds, logger: setup.log)
    notifier = AlertNotifier(configuration.alerts, environment: environment, log: setup.log)
    let budget = DescriptorBudget.ofThisProcess()
    usage = UsageSampler(budget)
    groups = GroupSampler(budget)
    history =
      configuration.metrics.history ? HistoryRecorder(path: directory.metrics, logger: setup.log) : nil
    silenceFile = SilenceFile(path: directory.silences)
    silences = silenceFile.load(setup.log)
    mirror = RegistryMirror(path: directory.registryFile, log: setup.log)
    var engineConfiguration = setup.engine
    engineConfiguration.basePort = configuration.ports.base
    engineConfiguration.entries = setup.policies.entries
    engineConfiguration.pools = configuration.enginePools
    engineConfiguration.alertInterval = configuration.alerts.interval
    engineConfiguration.culling = Culling(
      interval: configuration.gateway.cullInterval, endsConnected: configuration.gateway.cullConnected)
    engine = Engine(configuration: engineConfiguration)
    needsMeasures = !configuration.pools.isEmpty || !setup.policies.entries.isDisjoint(with: [.scale, .alert])
  }

  var now: FleetEngine.Instant { FleetEngine.Instant(nanoseconds: (ContinuousClock.now - epoch).nanoseconds) }

  static func wallMilliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  /// Sends a client's command and waits for its answer.
  func send(_ command: (Ticket) -> Event) async throws -> Reply {
    await whenOpen()
    guard case .open = phase else { throw Self.goingDown }
    return try await sendAnyway(command)
  }

  /// The same for the host's own commands, which it gives while clients are refused.
  func sendAnyway(_ command: (Ticket) -> Event) async throws -> Reply {
    lastTicket += 1
    let ticket = Ticket(lastTicket)
    return try await withCheckedThrowingContinuation { continuation in
      requests[ticket] = continuation
      handle(command(ticket))
    }
  }

  static let goingDown = EngineError(.shuttingDown, "the host is going down; start it again with fleet up")

  func handle(_ event: Event) {
    settleDepartures(event)
    if case .answered(let question, let answer) = event, answer.failure != nil { failedQuestions.insert(question) }
    closeMeters(after: event)
    let effects = metered(event)
    var commit: RegistryWriter.Work?
    for effect in effects {
      if case .commit(let sequence, let changes, let durable) = effect {
        commit = work(sequence, changes, durable)
      } else {
        perform(effect)
      }
    }
    write(commit)
    measureIfNeeded()
    recordIfNeeded()
  }

  /// Files of kernels go when the disk knows that the kernels are gone, and before anybody is told: so a crash in
  /// between leaves files without a row, and never a row without its files.
  private func work(_ sequence: Int, _ changes: [RowChange], _ durable: Bool) -> RegistryWriter.Work {
    let (inbox, files, removals) = (inbox, files, removals)
    let gone = departing(with: changes)
    if !gone.isEmpty { departures[sequence] = gone.map(\.id) }
    return RegistryWriter.Work(
      changes: changes, sessions: endSessions(with: changes), totalSpawned: engine.totalSpawned, durable: durable,
      mayWait: requests.count > 1
    ) { result in
      switch result {
      case .success where gone.isEmpty: inbox.post(.committed(sequence: sequence))
      case .success:
        removals.async {
          gone.forEach(files.remove)
          inbox.post(.committed(sequence: sequence))
        }
      case .failure(let error): inbox.post(.commitFailed(sequence: sequence, reason: error.description))
      }
    }
  }

  private func departing(with changes: [RowChange]) -> [Kernel] {
    changes.compactMap { change in
      if case .remove(let id) = change { departed[id] } else { nil }
    }
  }

  private func settleDepartures(_ event: Event) {
    switch event {
    case .committed(let sequence): departures.removeValue(forKey: sequence)?.forEach { departed[$0] = nil }
    // The engine says it again with a later commit.
    case .commitFailed(let sequence, _): departures[sequence] = nil
    default: break
    }
  }

  /// What happened is written with what changed; a story without a change is written too, and synced with the next.
  private func write(_ commit: RegistryWriter.Work?) {
    guard commit != nil || !pendingNotes.isEmpty else { return }
    var work = commit ?? RegistryWriter.Work()
    work.notes = pendingNotes
    pendingNotes = []
    writer.submit(work)
    if commit != nil { registryChanged() }
  }

  func tell(_ note: Note) {
    pendingNotes.append(StoredNote(event(note), note))
    let kernel = note.kernel.map { "\($0): " } ?? ""
    setup.log.info("\(kernel)\(note.event.rawValue): \(note.detail)")
  }
}
