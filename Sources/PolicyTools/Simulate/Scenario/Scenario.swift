// What is simulated: clients, kernels, faults, and the policies that have to cope. Read from a TOML file.
import FleetConfiguration
import FleetEngine

/// A scenario. Times are nanoseconds unless they say otherwise.
public struct Scenario: Sendable {
  /// Of the file, without its suffix, if it gives none.
  public var name: String
  public var summary: String?
  /// Of its file.
  var directory: String
  public var duration: Int64 = 3600 * second
  public var seed: UInt64 = 1
  /// Since midnight of the first day, a Monday.
  public var begins: Int64 = 0
  /// Absolute paths of the policies, in the order in which they are asked.
  public var policies: [EntryPoint: [String]] = [:]
  var pools: [String: FleetConfiguration.Pool] = [:]
  var engine = EngineConfiguration()
  var host = HostModel()
  /// By the name of a pool, a kernelspec or a language; `default` for the others.
  var kernels: [String: KernelModel] = [:]
  var standing: [StandingKernels] = []
  var clients: [ClientModel] = []
  var faults: [Fault] = []
  var goals = Goals()

  static let second: Int64 = 1_000_000_000

  init(name: String, directory: String) {
    self.name = name
    self.directory = directory
  }

  /// The model for kernels of this specification.
  func model(of specification: Specification) -> KernelModel {
    for name in [specification.pool, specification.kernelspec, specification.language] {
      if let name, let model = kernels[name] { return model }
    }
    return kernels["default"] ?? KernelModel()
  }
}

/// What a host sees of its kernels, and when.
struct HostModel: Sendable {
  /// Connections are counted so often; 0: whenever they matter, as a real host does.
  var connections: Int64 = 0
  /// Memory and CPU are measured so often; 0: never.
  var samples: Int64 = 10 * Scenario.second
  var heartbeat: Int64 = 5 * Scenario.second
  /// How long it takes until a durable change is on the disk.
  var commit: Int64 = 2_000_000
  /// All kernels share so many cores; 0: there are always enough.
  var cores = 0
}

/// How kernels of one kind behave. They execute one request after the other, as Jupyter's do.
struct KernelModel: Sendable {
  /// From the launch to the first answer.
  var start = Distribution.constant(0.5)
  /// The share of launches that end before they answer.
  var startFailures = 0.0
  /// How much longer an execution takes here than its client says.
  var slowness = 1.0
  /// Resident bytes when it has started, and what each present client and each execution adds.
  var memory = Distribution.constant(33_554_432)
  var memoryPerClient = 0.0
  var memoryPerExecution = 0.0
  /// Bytes per hour, whatever it does.
  var memoryLeak = 0.0
  /// Per cent of one core while it executes, and while it does not.
  var cpu = 100.0
  var idleCPU = 0.0
  /// From the request to shut down to the end.
  var stop = Distribution.constant(0.05)
  /// From its first answer to a crash that nobody caused; nil: never.
  var crash: Distribution?
}

/// Kernels that somebody spawned before the simulation begins.
struct StandingKernels: Sendable {
  var count: Int
  var specification: Specification
}

/// Clients of one kind.
struct ClientModel: Sendable {
  var name: String
  var arrivals: Arrivals
  /// When the first may come, and when no more come.
  var begin: Int64
  var end: Int64
  /// So many at most.
  var count = Int.max
  /// What they ask for.
  var requirements = Requirements()
  /// What is started for them if the policies want a new kernel.
  var specification: Specification
  /// They are so many people, of whom each keeps a session key and an owner's name; 0: neither.
  var people = 0
  /// Executions of one client; it stays until the last is answered, or until its length is over.
  var executions = Distribution.constant(1)
  var length: Distribution?
  /// From an answer to the next request.
  var think = Distribution.constant(0)
  /// What an execution takes a kernel of usual speed.
  var service = Distribution.constant(0.1)
  /// A client that waits longer for an answer gives up.
  var timeout: Int64?
  /// A client that waits longer for a kernel gives up.
  var patience: Int64?
  /// Each wants a kernel of its own (`fleet spawn`) and not one that fits (`fleet find`).
  var spawns = false
  /// Who leaves stops the kernel if nobody else is there.
  var stopsKernel = false
}

/// Something goes wrong.
struct Fault: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    case kill
    case hang
    case slow
    case failStarts = "fail_starts"
    case slowStarts = "slow_starts"
    case restartHost = "restart_host"
  }

  enum Target: Sendable, Hashable {
    /// By the order of spawning, from 1.
    case number(Int)
    case any, busiest, all
  }

  var kind: Kind
  /// When it happens first, and after how long again.
  var at: Int64
  var every: Distribution?
  var until: Int64
  /// How long it lasts.
  var length: Int64
  var target = Target.any
  /// Of a slow kernel: every execution takes so long,
  var service: Distribution?
  /// or so many times as long. Of slow starts: the same.
  var factor = 10.0
  /// Of failing starts: the share that fails.
  var share = 1.0
  /// Of a kill.
  var exit = ExitInfo(signal: 9)
}

/// What is wanted; misses are counted.
struct Goals: Sendable, Hashable {
  /// For a kernel.
  var wait: Int64?
  /// For the answer to an execution.
  var response: Int64?
  /// The share of clients that are served to their end.
  var success: Double?
}
