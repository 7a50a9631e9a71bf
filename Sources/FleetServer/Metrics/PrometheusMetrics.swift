// What Prometheus is told of a fleet: the names of spec §6, and conventional names in base units beside them.
import FleetConfiguration
import FleetCore
import FleetEngine

extension FleetMetrics {
  var exposition: String {
    var text = Exposition()
    addTotals(to: &text)
    addKernels(to: &text)
    addPolicies(to: &text)
    return text.text
  }

  private func addTotals(to text: inout Exposition) {
    let totals: [(String, Double, String)] = [
      ("kernels_total", Double(kernels.count), "Kernels that the fleet knows, dead ones included."),
      ("kernels_active", Double(kernels.count(where: \.isActive)), "Kernels that are alive."),
      ("kernels_dead", Double(kernels.count { !$0.isActive }), "Kernels that have ended or wait to be restarted."),
      ("memory_mb_total", kernels.compactMap(\.memory).reduce(0, +) / 1_048_576, "Resident memory of all, in MiB."),
      ("cpu_percent_total", kernels.compactMap(\.cpu).reduce(0, +), "Processor time of all, in per cent of a core."),
      ("connections_total", Double(kernels.map(\.connections).reduce(0, +)), "Established clients of all kernels."),
      ("threads_total", Double(kernels.compactMap(\.threads).reduce(0, +)), "Threads of all kernels."),
    ]
    for (name, value, help) in totals {
      text.family("llmspell_\(name)", .gauge, help)
      text.sample(value)
    }
    text.family("fleet_kernels_spawned_total", .counter, "Kernels that were ever spawned.")
    text.sample(Double(totalSpawned))
  }

  private func addKernels(to text: inout Exposition) {
    let gauges: [(String, String, (Kernel) -> Double?)] = [
      ("llmspell_kernel_memory_mb", "Resident memory in MiB.", { $0.memory.map { $0 / 1_048_576 } }),
      ("llmspell_kernel_cpu_percent", "Processor time in per cent of a core.", \.cpu),
      ("llmspell_kernel_connections", "Established clients.", { Double($0.connections) }),
      ("llmspell_kernel_uptime_seconds", "Since its process was started.", \.uptime),
      ("fleet_kernel_resident_memory_bytes", "Resident memory.", \.memory),
      ("fleet_kernel_threads", "Threads.", { $0.threads.map(Double.init) }),
    ]
    func labels(_ kernel: Kernel) -> [(String, String)] {
      [("kernel_id", kernel.id), ("port", "\(kernel.port)"), ("language", kernel.language)]
    }
    for (name, help, value) in gauges {
      text.family(name, .gauge, help)
      for kernel in kernels { text.sample(value(kernel), labels(kernel)) }
    }
    text.family("fleet_kernel_cpu_seconds_total", .counter, "Processor time since the process was started.")
    for kernel in kernels { text.sample(kernel.cpuSeconds, labels(kernel)) }
  }

  private func addPolicies(to text: inout Exposition) {
    func labels(_ policy: PolicySummary) -> [(String, String)] {
      [
        ("entry", policy.entry), ("policy", FilePath.name(of: policy.path)),
        ("role", policy.isShadow ? "shadow" : "live"),
      ]
    }
    func add(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (PolicySummary) -> Double?) {
      text.family(name, kind, help)
      for policy in policies { text.sample(value(policy), labels(policy)) }
    }
    add("fleet_policy_decisions_total", .counter, "Questions that a policy was asked.") { Double($0.calls) }
    add("fleet_policy_fallbacks_total", .counter, "Questions that a policy failed to answer.") { Double($0.fallbacks) }
    add("fleet_policy_active", .gauge, "1 if the policy is in use, 0 if it is set aside or broken.") {
      $0.state == "active" ? 1 : 0
    }
    add("fleet_policy_stale", .gauge, "1 if the file is no good and the last good version goes on.") {
      $0.fileProblem == nil ? 0 : 1
    }
    add("fleet_policy_shadow_disagreements_total", .counter, "Answers of a shadow that differ from the live ones.") {
      $0.isShadow ? Double($0.disagreements) : nil
    }
    text.family("fleet_policy_duration_seconds", .summary, "Time of a decision on the policy's thread.")
    for policy in policies where policy.p50 != nil {
      for (quantile, value) in [("0.5", policy.p50), ("0.99", policy.p99)] {
        text.sample(value?.seconds, labels(policy) + [("quantile", quantile)])
      }
    }
  }
}
