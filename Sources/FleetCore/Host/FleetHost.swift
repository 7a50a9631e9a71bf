// The host: an actor around the engine. It carries out effects through the drivers and feeds what they report back.
import FleetConfiguration
import FleetEngine
import Foundation
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
    }
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
  let usage = UsageSampler()
  let mirror: RegistryMirror
  let inbox: Inbox

  var engine: Engine
  var requests: [Ticket: CheckedContinuation<Reply, any Error>] = [:]
  var lastTicket = 0
  /// Variables of kernels whose first launch has not happened yet.
  var environments: [KernelID: [String: String]] = [:]
  var clients = ClientRegister()
  var wakeTask: Task<Void, Never>?
  var isShuttingDown = false
  private var pendingNotes: [StoredNote] = []
  private let epoch = ContinuousClock.now

  /// Takes the directory, opens the registry, and finds the kernels that live.
  /// - Throws: `AlreadyRunning`, `ConfigurationError` or `StorageError`.
  public init(setup: Setup) throws {
    self.setup = setup
    let directory = setup.directory
    lock = try HostLock(path: directory.pidFile, directory: directory.path)
    database = try RegistryDatabase(path: directory.database)
    let bootID = Recovery.bootID()
    writer = RegistryWriter(database: database, bootID: bootID)
    files = KernelFiles(directory: directory, bootID: bootID)
    let (configuration, luaKernel, environment) = (setup.configuration, setup.luaKernel, setup.environment)
    resolver = Resolver(configuration: configuration, locator: setup.locator) {
      .discover(configuration: configuration, luaKernel: luaKernel, environment: environment)
    }
    inbox = Inbox()
    processes = try ProcessDriver(setup: setup, files: files, resolver: resolver, inbox: inbox)
    wire = try WireDriver(files: files, inbox: inbox, log: setup.log, heartbeat: Wire.heartbeatInterval)
    mirror = RegistryMirror(path: directory.registryFile, log: setup.log)
    var engineConfiguration = EngineConfiguration()
    engineConfiguration.basePort = configuration.ports.base
    engine = Engine(configuration: engineConfiguration)
  }

  /// Works until `stop` has finished; call it once.
  public func run() async throws {
    try recover()
    for await event in inbox.events { handle(event) }
    await writer.flush()
    await mirror.flush()
    wire.close()
    try database.close()
  }

  private func recover() throws {
    let content = try database.load()
    let outcome = Recovery(files: files, log: setup.log).compare(content, setAside: database.setAside)
    engine = Engine(configuration: engine.configuration, totalSpawned: content.totalSpawned)
    for (id, process) in outcome.processes { processes.remember(process, of: id) }
    handle(.recovered(outcome.rows))
    for stray in outcome.strays { processes.end(stray: stray) }
  }

  /// The end of `run`. With `kernels`, every kernel is stopped first; else they go on without a host.
  public func stop(kernels: Bool) async {
    isShuttingDown = true
    if kernels { _ = await stopAll(force: false, timeout: .seconds(5)) }
    for continuation in requests.values {
      continuation.resume(throwing: EngineError(.shuttingDown, "the host is going down; start it again with fleet up"))
    }
    requests = [:]
    wakeTask?.cancel()
    inbox.finish()
  }

  var now: FleetEngine.Instant { FleetEngine.Instant(nanoseconds: (ContinuousClock.now - epoch).nanoseconds) }

  static func wallMilliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  /// Sends a command and waits for its answer.
  func send(_ command: (Ticket) -> Event) async throws -> Reply {
    guard !isShuttingDown else { throw EngineError(.shuttingDown, "the host is going down") }
    lastTicket += 1
    let ticket = Ticket(lastTicket)
    return try await withCheckedThrowingContinuation { continuation in
      requests[ticket] = continuation
      handle(command(ticket))
    }
  }

  func handle(_ event: Event) {
    let effects = engine.handle(event, now: now)
    var commit: RegistryWriter.Work?
    for effect in effects {
      if case .commit(let sequence, let changes, let durable) = effect {
        commit = work(sequence, changes, durable)
      } else {
        perform(effect)
      }
    }
    write(commit)
  }

  private func work(_ sequence: Int, _ changes: [RowChange], _ durable: Bool) -> RegistryWriter.Work {
    let inbox = inbox
    return RegistryWriter.Work(changes: changes, totalSpawned: engine.totalSpawned, durable: durable) { result in
      switch result {
      case .success: inbox.post(.committed(sequence: sequence))
      case .failure(let error): inbox.post(.commitFailed(sequence: sequence, reason: error.description))
      }
    }
  }

  /// What happened is written with what changed; a story without a change is written too, and synced with the next.
  private func write(_ commit: RegistryWriter.Work?) {
    guard commit != nil || !pendingNotes.isEmpty else { return }
    var work = commit ?? RegistryWriter.Work()
    work.notes = pendingNotes
    pendingNotes = []
    writer.submit(work)
    mirror.update(registry)
  }

  func tell(_ note: Note) {
    pendingNotes.append(StoredNote(time: Self.wallMilliseconds(), note: note))
    let kernel = note.kernel.map { "\($0): " } ?? ""
    setup.log.info("\(kernel)\(note.event.rawValue): \(note.detail)")
  }
}
