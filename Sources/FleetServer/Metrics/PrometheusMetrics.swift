// What Prometheus is told of a fleet: the names of spec §6, and conventional names in base units beside them.
// docs/metrics.md lists all of them; a test compares that list with a scrape.
import FleetConfiguration
import FleetCore
import FleetEngine

/// Which metrics are told.
public enum MetricNames: String, Sendable, CaseIterable {
  case all
  /// Without those of spec §6, which say the same in MiB and per cent.
  case fleet
}

extension FleetMetrics {
  /// - Parameter version: the host's.
  public func exposition(_ format: Exposition.Format, _ names: MetricNames, version: String) -> [UInt8] {
    var text = Exposition(format, capacity: (32 << 10) + kernels.count * 2200)
    let labels = kernels.map { kernel in
      Exposition.Labels([("kernel_id", kernel.id), ("port", "\(kernel.port)"), ("language", kernel.language)])
    }
    if names == .all {
      addSpecifiedTotals(to: &text)
      addSpecifiedKernels(to: &text, labels)
    }
    addHost(to: &text, version)
    addMachine(to: &text)
    addFleet(to: &text)
    addPools(to: &text)
    addKernels(to: &text, labels)
    addGroups(to: &text, labels)
    addDecisions(to: &text)
    addPolicies(to: &text)
    meters.add(to: &text)
    text.finish()
    return text.bytes
  }

  private func addSpecifiedTotals(to text: inout Exposition) {
    let totals: [(String, Exposition.Kind, Double, String)] = [
      ("kernels_total", .unknown, Double(kernels.count), "Kernels that the fleet knows, dead ones included."),
      ("kernels_active", .gauge, Double(kernels.count(where: \.isActive)), "Kernels that are alive."),
      ("kernels_dead", .gauge, Double(kernels.count { !$0.isActive }), "Kernels that ended or wait to be restarted."),
      (
        "memory_mb_total", .unknown, kernels.compactMap(\.memory).reduce(0, +) / 1_048_576,
        "Resident memory of all, in MiB."
      ),
      (
        "cpu_percent_total", .unknown, kernels.compactMap(\.cpu).reduce(0, +),
        "Processor time of all, in per cent of a core."
      ),
      (
        "connections_total", .unknown, Double(kernels.map(\.connections).reduce(0, +)),
        "Established clients of all kernels."
      ),
      ("threads_total", .unknown, Double(kernels.compactMap(\.threads).reduce(0, +)), "Threads of all kernels."),
    ]
    for (name, kind, value, help) in totals {
      text.family("llmspell_\(name)", kind, help)
      text.add(value)
    }
  }

  private func addSpecifiedKernels(to text: inout Exposition, _ labels: [Exposition.Labels]) {
    let gauges: [(String, String, (Kernel) -> Double?)] = [
      ("llmspell_kernel_memory_mb", "Resident memory in MiB.", { $0.memory.map { $0 / 1_048_576 } }),
      ("llmspell_kernel_cpu_percent", "Processor time in per cent of a core.", { $0.cpu }),
      ("llmspell_kernel_connections", "Established clients.", { Double($0.connections) }),
      ("llmspell_kernel_uptime_seconds", "Since its process was started.", { $0.uptime }),
    ]
    for (name, help, value) in gauges {
      text.family(name, .gauge, help)
      for (kernel, labels) in zip(kernels, labels) { text.add(value(kernel), labels) }
    }
  }

  private func addHost(to text: inout Exposition, _ version: String) {
    text.family("fleet_build_info", .gauge, "1, with the version of the host.")
    text.add(Int64(1), Exposition.Labels([("version", version)]))
    text.family("fleet_host_start_time_seconds", .gauge, "When the host was started, since 1970.")
    text.add(Double(startedAt) / 1000)
    text.family("process_resident_memory_bytes", .gauge, "Resident memory of the host.")
    text.add(host.usage.map { Double($0.residentBytes) })
    text.family(
      "process_private_memory_bytes", .gauge, "Resident memory of the host that is neither a file's nor shared.")
    text.add(host.usage.map { Double($0.privateBytes) })
    text.family("process_cpu_seconds_total", .counter, "Processor time of the host.")
    text.add(host.usage.map { Double($0.cpuMicroseconds) / 1e6 })
    text.family("process_threads", .gauge, "Threads of the host.")
    text.add(host.usage.map { Double($0.threads) })
    text.family("process_open_fds", .gauge, "Files that the host has open.")
    text.add(host.openFiles.map(Double.init))
    text.family("process_max_fds", .gauge, "Files that the host may have open.")
    text.add(host.openFilesLimit.map(Double.init))
  }

  private func addMachine(to text: inout Exposition) {
    text.family("fleet_machine_memory_bytes", .gauge, "Memory of the machine.")
    text.add(host.machineMemory)
    text.family("fleet_machine_processors", .gauge, "Processors of the machine.")
    text.add(Int64(host.machineProcessors))
  }

  private func addFleet(to text: inout Exposition) {
    text.family("fleet_kernels", .gauge, "Kernels by status.")
    let counts = kernels.reduce(into: [:]) { counts, kernel in counts[kernel.status, default: 0] += 1 }
    for status in Status.allCases.map(\.rawValue) {
      text.add(Int64(counts[status] ?? 0), Exposition.Labels([("status", status)]))
    }
    text.family("fleet_kernels_spawned_total", .counter, "Kernels that were ever spawned in this fleet directory.")
    text.add(Int64(totalSpawned))
    text.family("fleet_alerts_firing", .gauge, "Alerts of the host that fire, by severity.")
    for (severity, count) in alerts.sorted(by: { $0.key < $1.key }) {
      text.add(Int64(count), Exposition.Labels([("severity", severity)]))
    }
  }

  private func addPools(to text: inout Exposition) {
    func add(_ name: String, _ help: String, _ value: (PoolStatus) -> Int) {
      text.family(name, .gauge, help)
      for pool in pools { text.add(Int64(value(pool)), Exposition.Labels([("pool", pool.pool.name)])) }
    }
    add("fleet_pool_kernels", "Kernels of a pool that start, live or wait to be restarted.") { $0.view.kernels }
    add("fleet_pool_wanted_kernels", "The number of kernels that is being brought about.") { $0.wanted }
    add("fleet_pool_used_kernels", "Kernels of a pool with a client, claimed or busy.") { $0.view.used }
    add("fleet_pool_free_kernels", "Kernels of a pool that answer and that nobody has.") { $0.view.free }
    add("fleet_pool_failing", "1 if kernels that are wanted cannot be made.") { $0.problem == nil ? 0 : 1 }
  }

  private func addKernels(to text: inout Exposition, _ labels: [Exposition.Labels]) {
    func add(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (Kernel) -> Double?) {
      text.family(name, kind, help)
      for (kernel, labels) in zip(kernels, labels) { text.add(value(kernel), labels) }
    }
    func count(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (Kernel) -> Int64?) {
      text.family(name, kind, help)
      for (kernel, labels) in zip(kernels, labels) { text.add(value(kernel), labels) }
    }
    count("fleet_kernel_up", .gauge, "1 if it is alive.") { $0.isActive ? 1 : 0 }
    count("fleet_kernel_resident_memory_bytes", .gauge, "Resident memory.") { $0.usage?.residentBytes }
    count("fleet_kernel_private_memory_bytes", .gauge, "Resident memory that is neither a file's nor shared.") {
      $0.usage?.privateBytes
    }
    count("fleet_kernel_memory_limit_bytes", .gauge, "Its limit of memory, where it has one.") { $0.memoryLimit }
    add("fleet_kernel_cpu_seconds_total", .counter, "Processor time since its process was started.") {
      $0.usage.map { Double($0.cpuMicroseconds) / 1e6 }
    }
    add("fleet_kernel_busy_seconds_total", .counter, "Time of executions, with the one under way.") { $0.busy }
    count("fleet_kernel_threads", .gauge, "Threads.") { $0.threads.map(Int64.init) }
    count("fleet_kernel_connections", .gauge, "Established clients.") { Int64($0.connections) }
    count("fleet_kernel_restarts_total", .counter, "Restarts since it was spawned.") { Int64($0.restarts) }
    count("fleet_kernel_storage_read_bytes_total", .counter, "Bytes that came from storage.") {
      $0.usage.flatMap { $0.hasIO ? $0.readBytes : nil }
    }
    count("fleet_kernel_storage_written_bytes_total", .counter, "Bytes that went to storage.") {
      $0.usage.flatMap { $0.hasIO ? $0.writeBytes : nil }
    }
  }

  private func addGroups(to text: inout Exposition, _ labels: [Exposition.Labels]) {
    let grouped = zip(kernels, labels).compactMap { kernel, labels in kernel.group.map { ($0, labels) } }
    func add(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (GroupUsage) -> Double?) {
      text.family("fleet_kernel_cgroup_\(name)", kind, help)
      for (group, labels) in grouped { text.add(value(group), labels) }
    }
    add("memory_bytes", .gauge, "Memory that is charged to it and to what it started.") { $0.memory.map(Double.init) }
    add("memory_limit_bytes", .gauge, "The most of it.") { $0.memoryLimit.map(Double.init) }
    add("processes", .gauge, "Processes and threads.") { $0.processes.map(Double.init) }
    add("processes_limit", .gauge, "The most of them.") { $0.processLimit.map(Double.init) }
    add("periods_total", .counter, "Periods in which it wanted to run.") { $0.periods.map(Double.init) }
    add("throttled_periods_total", .counter, "Periods in which it was stopped because its share was used up.") {
      $0.throttledPeriods.map(Double.init)
    }
    add("throttled_seconds_total", .counter, "How long it was stopped because its share was used up.") {
      $0.throttledMicroseconds.map { Double($0) / 1e6 }
    }
  }
}
