// Metrics, read: one reading of everything, and the document of `GET /metrics`.
import FleetEngine
import JSON

extension FleetHost {
  /// - Parameter viewer: whose kernels are told; what the host counts is told to everybody.
  public func metrics(as viewer: Viewer = .everyone) async -> FleetMetrics {
    await whenOpen()
    async let counted: Void = countConnections(within: Self.freshness)
    async let grouped = groupUsage()
    let round = await measured()
    let groups = await grouped
    await counted
    let (wall, now) = (Self.wallMilliseconds(), now)
    let kernels = engine.kernels.values.filter(viewer.sees).map { kernel in
      FleetMetrics.Kernel(
        kernel, clientNames(of: kernel.id), round.measurements[kernel.id], groups[kernel.id],
        busy: life.busy(kernel, now: now), now: wall)
    }
    var alerts = ["critical": 0, "warning": 0, "info": 0, "other": 0]
    for alert in engine.alerts where alert.state == .firing {
      let severity = alert.condition.severity
      alerts[alerts[severity] == nil ? "other" : severity, default: 0] += 1
    }
    return FleetMetrics(
      at: wall, startedAt: startedAt, kernels: kernels, totalSpawned: engine.totalSpawned,
      policies: setup.policies.summaries(), pools: engine.pools, alerts: alerts, meters: meters, host: .sample())
  }
}

extension FleetMetrics.Kernel {
  fileprivate func json(totalMemory: Double) -> JSON {
    [
      "id": .string(id), "port": JSON(port), "language": .string(language), "status": .string(status),
      "memory_mb": JSON(memory.map { $0 / 1_048_576 }), "memory_percent": JSON(memory.map { $0 / totalMemory * 100 }),
      "cpu_percent": JSON(cpu), "connections": JSON(connections),
      "connection_details": .array(clients.map(JSON.string)), "threads": JSON(threads),
      "uptime_seconds": JSON(uptime), "nice": JSON(usage?.nice), "io": usage?.io ?? .null,
      "busy_seconds": .double(busy), "cgroup": group?.json ?? .null,
    ]
  }
}

extension ProcessUsage {
  /// Null where the system does not say.
  fileprivate var io: JSON {
    guard hasIO else { return .null }
    return [
      "read_bytes": .int(readBytes), "write_bytes": .int(writeBytes), "read_count": .int(readCount),
      "write_count": .int(writeCount),
    ]
  }
}

extension GroupUsage {
  fileprivate var json: JSON {
    func number(_ value: Int64?) -> JSON { value.map(JSON.int) ?? .null }
    return [
      "memory_bytes": number(memory), "memory_limit_bytes": number(memoryLimit), "processes": number(processes),
      "processes_limit": number(processLimit), "cpu_periods": number(periods),
      "cpu_throttled_periods": number(throttledPeriods),
      "cpu_throttled_seconds": throttledMicroseconds.map { .double(Double($0) / 1e6) } ?? .null,
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
    let totalMemory = Double(host.machineMemory)
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
