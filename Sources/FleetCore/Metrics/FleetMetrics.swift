// What a fleet does and uses, in numbers: one reading for all formats.
import FleetEngine
import Glibc

/// One reading of a whole fleet: spec §6.
public struct FleetMetrics: Sendable {
  /// Milliseconds since 1970.
  public var at: Int64
  /// When the host began, likewise.
  public var startedAt: Int64
  /// In the order of spawning.
  public var kernels: [Kernel]
  /// Since the fleet directory was made.
  public var totalSpawned: Int
  public var policies: [PolicySummary]
  public var pools: [PoolStatus]
  /// Firing alerts, by severity: `critical`, `warning`, `info`, and `other` for what policies make up.
  public var alerts: [String: Int]
  public var meters: HostMeters
  public var host: Host

  /// What the host's own process uses.
  public struct Host: Sendable {
    public var usage: ProcessUsage?
    public var openFiles: Int?
    public var openFilesLimit: Int?
    /// Bytes of the machine that it runs on.
    public var machineMemory: Int64
    public var machineProcessors: Int
  }

  public struct Kernel: Sendable {
    public var id: String
    public var port: Int
    public var language: String
    public var status: String
    public var isActive: Bool
    /// Resident bytes; this and what follows is nil without a process.
    public var memory: Double?
    /// Per cent of one core since the reading before.
    public var cpu: Double?
    public var threads: Int?
    /// Established clients.
    public var connections: Int
    /// Names that clients gave themselves.
    public var clients: [String]
    /// Seconds since the process was started.
    public var uptime: Double?
    public var usage: ProcessUsage?
    public var group: GroupUsage?
    /// Bytes; whatever enforces it.
    public var memoryLimit: Int64?
    public var restarts: Int
    /// Seconds of executions since it was spawned, or since the host's start.
    public var busy: Double
    public var isBusy: Bool
  }
}

extension FleetMetrics {
  /// One that was not read of a host: what is not given is nothing.
  public init(kernels: [Kernel], meters: HostMeters = HostMeters(), host: Host = .sample()) {
    self.init(
      at: 0, startedAt: 0, kernels: kernels, totalSpawned: kernels.count, policies: [], pools: [], alerts: [:],
      meters: meters, host: host)
  }
}

extension FleetMetrics.Kernel {
  /// One that is idle and of which nothing was measured.
  public init(id: String, port: Int, language: String) {
    self.init(
      id: id, port: port, language: language, status: Status.idle.rawValue, isActive: true, connections: 0,
      clients: [], restarts: 0, busy: 0, isBusy: false)
  }

  init(
    _ kernel: FleetEngine.Kernel, _ clients: [String], _ measurement: UsageReading?, _ group: GroupUsage?,
    busy: Duration, now: Int64
  ) {
    let process = kernel.process
    let measured = process.flatMap { measurement?.pid == $0.kernel ? measurement : nil }
    usage = measured?.usage
    self.group = process == nil ? nil : group
    id = kernel.id.description
    port = kernel.port
    language = kernel.specification.language
    status = kernel.shownStatus.rawValue
    isActive = kernel.status.isAlive
    memory = usage.map { Double($0.residentBytes) }
    cpu = measured?.cpu
    threads = usage?.threads
    connections = kernel.connections
    self.clients = clients
    uptime = process.map { Double(now - $0.startedAt) / 1000 }
    memoryLimit = kernel.specification.limits.memory
    restarts = kernel.restarts
    self.busy = busy.seconds
    isBusy = kernel.isBusy
  }
}

extension FleetMetrics.Host {
  /// Of this process.
  public static func sample() -> FleetMetrics.Host {
    var info = stat()
    // The size of this directory is the number of descriptors since Linux 6.2, and 0 before: then it is not told.
    let count = stat("/proc/self/fd", &info) == 0 ? Int(info.st_size) : 0
    return FleetMetrics.Host(
      usage: ProcessUsage(pid: getpid()), openFiles: count > 0 ? count : nil,
      openFilesLimit: OpenFiles.limit.map { Int(clamping: $0.rlim_cur) },
      machineMemory: Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))),
      machineProcessors: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}
