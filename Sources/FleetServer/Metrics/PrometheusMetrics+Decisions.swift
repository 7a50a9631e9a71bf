// What Prometheus is told of decisions, policies, requests and lives: counters and histograms of this run of the host.
import FleetConfiguration
import FleetCore
import FleetEngine

extension FleetMetrics {
  func addDecisions(to text: inout Exposition) {
    text.family("fleet_decisions_total", .counter, "Decisions by entry point and by who decided.")
    for (label, value) in meters.decisions.all {
      text.add(
        Int64(clamping: value),
        Exposition.Labels([("entry", label.entry.rawValue), ("decider", label.decider.rawValue)]))
    }
    text.family("fleet_decisions_clamped_total", .counter, "Answers that the host changed because of a limit.")
    for (entry, value) in meters.clamps.all {
      text.add(Int64(clamping: value), Exposition.Labels([("entry", entry.rawValue)]))
    }
    text.family("fleet_policy_duration_seconds", .histogram, "Time of a decision on its policy's thread.")
    for entry in EntryPoint.allCases {
      guard let durations = meters.policy[entry]?.snapshot else { continue }
      text.add(durations, Exposition.Labels([("entry", entry.rawValue)]))
    }
  }

  func addPolicies(to text: inout Exposition) {
    // One series, one set of labels: a file's name unless two files have it; and a file that stands twice, once.
    let paths = Dictionary(grouping: Set(self.policies.map(\.path)), by: FilePath.name(of:))
    var seen: Set<[String]> = []
    let policies = self.policies.filter { seen.insert([$0.entry, $0.path, "\($0.isShadow)"]).inserted }
    func name(_ path: String) -> String { paths[FilePath.name(of: path)]!.count > 1 ? path : FilePath.name(of: path) }
    func labels(_ policy: PolicySummary, _ more: [(String, String)] = []) -> Exposition.Labels {
      Exposition.Labels(
        [
          ("entry", policy.entry), ("policy", name(policy.path)),
          ("role", policy.isShadow ? "shadow" : "live"),
        ] + more)
    }
    func add(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (PolicySummary) -> Double?) {
      text.family(name, kind, help)
      for policy in policies { text.add(value(policy), labels(policy)) }
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
    text.family("fleet_policy_file_duration_seconds", .summary, "Time of the last decisions of one file.")
    for policy in policies where policy.p50 != nil {
      for (quantile, value) in [("0.5", policy.p50), ("0.99", policy.p99)] {
        text.add(value?.seconds, labels(policy, [("quantile", quantile)]))
      }
    }
  }
}

extension HostMeters {
  func add(to text: inout Exposition) {
    addLives(to: &text)
    addRequests(to: &text)
    text.family("fleet_websockets_open", .gauge, "WebSockets that are open.")
    text.add(Int64(clamping: openWebsockets))
    text.family("fleet_websockets_opened_total", .counter, "WebSockets that were opened.")
    text.add(Int64(clamping: websockets))
    text.family("fleet_websocket_messages_total", .counter, "Messages between clients of WebSockets and kernels.")
    for (label, value) in messages.all {
      text.add(
        Int64(clamping: value),
        Exposition.Labels([("channel", label.channel.rawValue), ("direction", label.direction.rawValue)]))
    }
  }

  private func addLives(to text: inout Exposition) {
    text.family("fleet_spawn_duration_seconds", .histogram, "From a kernel's row in the registry to its first answer.")
    text.add(spawn.snapshot)
    text.family("fleet_execute_duration_seconds", .histogram, "From busy to idle of a kernel.")
    text.add(execute.snapshot)
    text.family("fleet_restarts_total", .counter, "Kernels that answered again after a crash or a restart.")
    text.add(Int64(clamping: restarts.value))
    text.family("fleet_failures_total", .counter, "Kernels that could not be started, or were given up.")
    text.add(Int64(clamping: failures.value))
    text.family("fleet_kernel_deaths_total", .counter, "Ends of kernels that nobody had asked for, by their reason.")
    for (reason, value) in deaths.all {
      text.add(Int64(clamping: value), Exposition.Labels([("reason", reason.rawValue)]))
    }
  }

  private func addRequests(to text: inout Exposition) {
    let readings = requests.readings
    text.family("fleet_http_requests_total", .counter, "HTTP requests by route, method and class of status.")
    for reading in readings {
      for (index, count) in reading.statuses.enumerated() where count > 0 {
        text.add(
          Int64(clamping: count),
          Exposition.Labels([
            ("route", reading.key.route), ("method", reading.key.method), ("status", "\(index + 1)xx"),
          ]))
      }
    }
    text.family("fleet_http_request_duration_seconds", .histogram, "From a request to the head of its answer.")
    for reading in readings {
      text.add(
        reading.durations,
        Exposition.Labels([("route", reading.key.route), ("method", reading.key.method)]))
    }
  }
}
