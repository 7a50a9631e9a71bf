// One kernel, as the engine knows it: the durable part (what to run, who it is) and what was last seen of it.

/// The limits that a kernel's shim enforces; nil means none.
public struct Limits: Sendable, Hashable {
  /// With fewer no kernel works; the same as a configuration may say at least.
  public static let leastProcesses = 4
  public static let leastOpenFiles = 32

  /// Bytes.
  public var memory: Int64?
  /// Share of one core; 0.5 is half a core.
  public var cpu: Double?
  public var processes: Int?
  public var openFiles: Int?
  /// Bytes of one file.
  public var fileSize: Int64?
  /// −20 … 19, see nice(2).
  public var nice: Int?
  /// Start even if this machine cannot enforce all of them.
  public var bestEffort: Bool

  public init(
    memory: Int64? = nil, cpu: Double? = nil, processes: Int? = nil, openFiles: Int? = nil, fileSize: Int64? = nil,
    nice: Int? = nil, bestEffort: Bool = false
  ) {
    self.memory = memory
    self.cpu = cpu
    self.processes = processes
    self.openFiles = openFiles
    self.fileSize = fileSize
    self.nice = nice
    self.bestEffort = bestEffort
  }
}

/// What a kernel is kept from besides its limits.
public struct Hardening: Sendable, Hashable {
  public var privateTmp: Bool
  public var landlock: Bool
  public var seccomp: Bool
  /// The first of 65,536 users, which no kernel is; nil: the host's user.
  public var firstUser: UInt32?

  public init(privateTmp: Bool = false, landlock: Bool = false, seccomp: Bool = false, firstUser: UInt32? = nil) {
    self.privateTmp = privateTmp
    self.landlock = landlock
    self.seccomp = seccomp
    self.firstUser = firstUser
  }

  /// It keeps its files where nobody else's are.
  public var hasOwnDirectory: Bool { landlock || firstUser != nil }

  /// Of those that are asked for, as configurations call them.
  public var names: [String] {
    [
      ("uid_range", firstUser != nil), ("private_tmp", privateTmp), ("landlock", landlock), ("seccomp", seccomp),
    ].compactMap { $1 ? $0 : nil }
  }
}

/// What to start, resolved: files were found and read, names are known.
public struct Specification: Sendable, Hashable {
  public var kernelspec: String
  public var language: String
  /// Absolute path of the kernel's config; nil without one.
  public var config: String?
  public var provider: String?
  public var model: String?
  public var name: String?
  public var labels: [String: String]
  public var owner: String
  public var pool: String?
  public var limits: Limits
  public var hardening: Hardening
  /// A base port that the user insists on.
  public var port: Int?
  /// An absolute path; nil: where the host is.
  public var workingDirectory: String?
  /// The request that it was started for, if that may come again.
  public var request: RequestKey?

  public init(
    kernelspec: String, language: String, config: String? = nil, provider: String? = nil, model: String? = nil,
    name: String? = nil, labels: [String: String] = [:], owner: String = "", pool: String? = nil,
    limits: Limits = Limits(), hardening: Hardening = Hardening(), port: Int? = nil, workingDirectory: String? = nil
  ) {
    self.kernelspec = kernelspec
    self.language = language
    self.config = config
    self.provider = provider
    self.model = model
    self.name = name
    self.labels = labels
    self.owner = owner
    self.pool = pool
    self.limits = limits
    self.hardening = hardening
    self.port = port
    self.workingDirectory = workingDirectory
  }
}

/// Tells a request that comes a second time from a new one, also after a restart of the host.
public struct RequestKey: Sendable, Hashable {
  /// A hash of the client's key and of who the client is.
  public var key: String
  /// A hash of what was asked for.
  public var body: String
  /// When it came first, in milliseconds since 1970.
  public var at: Int64

  public init(key: String, body: String, at: Int64) {
    self.key = key
    self.body = body
    self.at = at
  }
}

/// What one kernel's process used when it was last looked at.
public struct Sample: Sendable, Hashable {
  /// Resident bytes.
  public var memory: Int64
  /// Per cent of one core since the sample before; nil for the first.
  public var cpu: Double?
  public var threads: Int

  public init(memory: Int64, cpu: Double? = nil, threads: Int = 1) {
    self.memory = memory
    self.cpu = cpu
    self.threads = threads
  }
}

/// The processes of one launch.
public struct Process: Sendable, Hashable {
  public var shim: Int32
  public var kernel: Int32
  /// When it was launched, in milliseconds since 1970; for people.
  public var startedAt: Int64

  public init(shim: Int32, kernel: Int32, startedAt: Int64) {
    self.shim = shim
    self.kernel = kernel
    self.startedAt = startedAt
  }
}

public struct Kernel: Sendable, Hashable {
  // Durable: written to the registry.
  public let id: KernelID
  /// The order of spawning, from 1; iteration over kernels goes by it.
  public let serial: Int
  public var specification: Specification
  /// The HMAC key of its connection file.
  public let key: String
  /// Shell's port; iopub, stdin, control and heartbeat follow it.
  public var port: Int
  /// Counts launches, from 1; with the UUID it makes the nonce.
  public var generation: Int
  public var status: Status
  /// Restarts since the kernel was spawned.
  public var restarts: Int
  /// How the last process of this kernel ended.
  public var exit: ExitInfo?
  public var process: Process?
  /// Session keys that found this kernel.
  public var sessions: [String]
  /// It answered at least once in its life, so somebody knows of it.
  public var wasReady: Bool
  /// What a stop leads to.
  public var afterStop: AfterStop = .remove
  /// A kernel of a pool that somebody took or started for himself: it is his, and scaling leaves it alone.
  public var isClaimed = false
  /// A kernel of a pool that somebody was given: what runs there next could find traces.
  public var wasUsed = false
  /// It is being retired: nobody new gets it, and it ends when its last client has left.
  public var isDraining = false

  // Seen: not durable.
  public var isBusy: Bool = false
  public var missedHeartbeats: Int = 0
  /// Established peers of the shell port.
  public var connections: Int = 0
  /// Answers of the router whose clients have not connected yet, by the time when they are forgotten.
  public var reservations: [Instant] = []
  /// When the present process answered for the first time.
  public var readySince: Instant?
  public var recentExits: [Instant] = []
  /// Since when it runs something, if that is known.
  public var busySince: Instant?
  /// When `latency` was brought up to date.
  public var latencyAt: Instant?
  /// No client was connected when it was looked at after the retirement began.
  public var isSeenEmpty = false
  /// Since when it runs nothing; nil while it is busy or not there.
  public var idleSince: Instant?
  /// As measured last.
  public var sample: Sample?
  /// Peak exponentially weighted moving average of the time that executions take, in seconds; nil before the first.
  public var latency: Double?
  /// When a kernel in `backoff` is started again.
  public var retryAt: Instant?
  /// Crashes without 60 s of life between them.
  public var crashesInARow: Int = 0
  /// `launch` was asked for and has not been answered.
  public var isLaunching: Bool = false
  public var stop: StopProgress?
  /// Bind failures of this start.
  public var portAttempts: Int = 0

  public init(id: KernelID, serial: Int, specification: Specification, key: String, port: Int) {
    self.id = id
    self.serial = serial
    self.specification = specification
    self.key = key
    self.port = port
    generation = 1
    status = .starting
    restarts = 0
    sessions = []
    wasReady = false
  }

  /// What the shim is told and writes into its lock and exit file: tells this launch from any other.
  public var nonce: String { "\(id.uuid).\(generation)" }

  /// A client can be given this kernel, at the latest once it has started.
  public var isUsable: Bool { status.isUsable && !isDraining }

  /// What people and policies see: a kernel that is being retired is on its way out.
  public var shownStatus: Status { isDraining && status.isAlive ? .stopping : status }

  /// Clients that are connected or about to be.
  public var clients: Int { connections + reservations.count }
}

public enum AfterStop: Sendable, Hashable { case remove, restart, fail(String) }

/// Who wanted a kernel to end.
public enum Stopper: Sendable, Hashable, CustomStringConvertible {
  /// Somebody at the host's API; the owner, where the API knows who it is.
  case client(String?)
  /// The host, which was told to end with its kernels.
  case host
  /// The pool that needs fewer, by its scale policy or by the host's own rule.
  case pool(String, byPolicy: Bool)

  /// "by a client", "by ann", "by the scale policy of pool lua".
  public var description: String {
    switch self {
    case .client(let owner): "by \(owner ?? "a client")"
    case .host: "by the host, which was told to end with its kernels"
    case .pool(let name, let byPolicy):
      byPolicy ? "by the scale policy of pool \(name)" : "by the scaling of pool \(name)"
    }
  }
}

/// How far the end of a kernel has got.
public struct StopProgress: Sendable, Hashable {
  public var step: Step
  /// How long the kernel may take over a `shutdown_request`.
  public var timeout: Duration
  /// The row that says so is on the disk.
  public var isSaved = false
  /// Nil for a stop that an earlier host began.
  public var by: Stopper?

  /// In the order of escalation.
  public enum Step: Int, Sendable, Hashable { case intent, request, terminate, kill }
}

extension Kernel {
  /// Its distance from `Hardening.firstUser`, 1 to 65,535: its own for life, and nobody's again for as long as serials
  /// take to come round.
  public var userOffset: Int { Self.userOffset(ofSerial: serial) }

  /// As many as there are in a range without its first one.
  static let users = 65_535

  static func userOffset(ofSerial serial: Int) -> Int { 1 + (serial - 1) % users }
}
