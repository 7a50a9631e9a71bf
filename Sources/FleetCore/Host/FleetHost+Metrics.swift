// What a fleet does and uses, in numbers.
import FleetEngine
import Glibc
import JSON

/// One reading of a whole fleet: spec §6.
public struct FleetMetrics: Sendable {
  /// Milliseconds since 1970.
  public var at: Int64
  /// In the order of spawning.
  public var kernels: [Kernel]
  public var totalSpawned: Int
  public var policies: [PolicySummary]

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
    public var cpuSeconds: Double?
    public var threads: Int?
    /// Established clients.
    public var connections: Int
    /// Names that clients gave themselves.
    public var clients: [String]
    /// Seconds since the process was started.
    public var uptime: Double?
    public var nice: Int?
    public var usage: ProcessUsage?
  }
}

extension FleetHost {
  public func metrics(as viewer: Viewer = .everyone) async -> FleetMetrics {
    await whenOpen()
    await countConnections()
    await sample()
    let (now, usage) = (Self.wallMilliseconds(), usage)
    let views = engine.kernels.values.filter(viewer.sees).map {
      (kernel: $0, clients: clients.names($0.id, except: nil))
    }
    let (spawned, policies) = (engine.totalSpawned, setup.policies.summaries())
    return await measures.run {
      FleetMetrics(
        at: now, kernels: views.map { FleetMetrics.Kernel($0.kernel, $0.clients, usage, now: now) },
        totalSpawned: spawned, policies: policies)
    }
  }
}

extension FleetMetrics.Kernel {
  fileprivate init(_ kernel: FleetEngine.Kernel, _ clients: [String], _ sampler: UsageSampler, now: Int64) {
    let process = kernel.process
    let sample = process == nil ? nil : kernel.sample
    usage = process.flatMap { sampler.last(of: $0.kernel) }
    id = kernel.id.description
    port = kernel.port
    language = kernel.specification.language
    status = kernel.shownStatus.rawValue
    isActive = kernel.status.isAlive
    memory = sample.map { Double($0.memory) }
    cpu = sample?.cpu
    cpuSeconds = usage.map { Double($0.userMicroseconds + $0.systemMicroseconds) / 1e6 }
    threads = sample?.threads
    connections = kernel.connections
    self.clients = clients
    uptime = process.map { Double(now - $0.startedAt) / 1000 }
    nice = process.flatMap { Self.nice(of: $0.kernel) }
  }

  /// getpriority(2) says −1 both for that nice value and for a failure.
  private static func nice(of pid: Int32) -> Int? {
    errno = 0
    let value = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), UInt32(pid))
    return value == -1 && errno != 0 ? nil : Int(value)
  }

  fileprivate func json(totalMemory: Double) -> JSON {
    [
      "id": .string(id), "port": JSON(port), "language": .string(language), "status": .string(status),
      "memory_mb": JSON(memory.map { $0 / 1_048_576 }), "memory_percent": JSON(memory.map { $0 / totalMemory * 100 }),
      "cpu_percent": JSON(cpu), "connections": JSON(connections),
      "connection_details": .array(clients.map(JSON.string)), "threads": JSON(threads),
      "uptime_seconds": JSON(uptime), "nice": JSON(nice),
      "io": usage.map {
        [
          "read_bytes": .int($0.readBytes), "write_bytes": .int($0.writeBytes), "read_count": .int($0.readCount),
          "write_count": .int($0.writeCount),
        ]
      } ?? .null,
    ]
  }
}

extension FleetMetrics {
  /// The document of `GET /metrics`.
  public var json: JSON {
    let active = kernels.filter(\.isActive)
    let memory = kernels.compactMap(\.memory).reduce(0, +) / 1_048_576
    let cpu = kernels.compactMap(\.cpu).reduce(0, +)
    let count = Double(max(active.count, 1))
    let totalMemory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    return [
      "timestamp": .string(KernelView.text(ofMilliseconds: at)), "total_kernels": JSON(kernels.count),
      "total_spawned": JSON(totalSpawned), "kernels": .array(kernels.map { $0.json(totalMemory: totalMemory) }),
      "aggregated": [
        "active_kernels": JSON(active.count), "dead_kernels": JSON(kernels.count - active.count),
        "total_memory_mb": JSON(memory), "avg_memory_mb": JSON(memory / count), "total_cpu_percent": JSON(cpu),
        "avg_cpu_percent": JSON(cpu / count), "total_connections": JSON(kernels.map(\.connections).reduce(0, +)),
        "total_threads": JSON(kernels.compactMap(\.threads).reduce(0, +)),
      ],
    ]
  }
}
