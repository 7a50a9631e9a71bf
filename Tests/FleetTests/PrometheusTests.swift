// A real Prometheus scrapes a real host with the files that we ship, and tells a real Alertmanager of a dead kernel.
import Foundation
import JSON
import Testing

/// The files of deploy/, and the metrics that they speak of.
private enum Deploy {
  static let prometheus = Built.package + "/deploy/prometheus"

  static func read(_ path: String) throws -> String {
    try String(contentsOfFile: Built.package + "/deploy/" + path, encoding: .utf8)
  }

  static func json(_ path: String) throws -> JSON { try JSON(parsing: read(path)) }

  /// Every `expr` and `query` of a dashboard, wherever it stands.
  static func expressions(_ value: JSON) -> [String] {
    if let array = value.array { return array.flatMap(expressions) }
    guard case .object(let members) = value else { return [] }
    return members.flatMap { name, value in
      if ["expr", "definition"].contains(name), let text = value.string { return [text] }
      return expressions(value)
    }
  }

  /// The expressions of rules, which may go over several lines, and the names that recording rules give.
  static func rules(_ file: String) throws -> (expressions: [String], recorded: [String], alerts: [String]) {
    var (expressions, recorded, alerts): ([String], [String], [String]) = ([], [], [])
    var indentation: Int?
    for line in try read(file).split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let depth = line.prefix { $0 == " " }.count
      let text = line.drop { $0 == " " || $0 == "-" }
      if let open = indentation, depth > open {
        expressions[expressions.count - 1] += text + " "
        continue
      }
      indentation = nil
      if text.hasPrefix("record: ") { recorded.append(String(text.dropFirst(8))) }
      if text.hasPrefix("alert: ") { alerts.append(String(text.dropFirst(7))) }
      if text.hasPrefix("expr: ") {
        expressions.append(text.hasSuffix("|") ? "" : String(text.dropFirst(6)))
        indentation = depth
      }
    }
    return (expressions, recorded, alerts)
  }

  private static let words: Set<String> = [
    "sum", "avg", "max", "min", "count", "by", "without", "rate", "increase", "changes", "histogram_quantile",
    "label_values", "and", "or", "unless", "on", "group_left", "bool",
  ]

  /// The metrics that an expression names: every word that is no function, and stands in no braces or list of labels.
  static func metrics(of expression: String) -> Set<String> {
    let outside = expression.replacing(/"(?:[^"\\]|\\.)*"/, with: "").replacing(/\{[^}]*\}/, with: " ")
      .replacing(/\b(?:by|without|on)\s*\([^)]*\)/, with: " ").replacing(/\[[^\]]*\]/, with: " ")
      // The label of label_values(metric, label).
      .replacing(/,\s*[a-z_]+\s*\)/, with: ")")
    return Set(outside.matches(of: /[A-Za-z_:][A-Za-z0-9_:]*/).map { String($0.output) }).subtracting(words)
  }

  /// The samples that a scrape can have, by the types that it declares.
  static func names(in scrape: String) -> Set<String> {
    // Prometheus makes it by itself.
    var names: Set = ["up"]
    for line in scrape.split(separator: "\n") where line.hasPrefix("# TYPE ") {
      let words = line.split(separator: " ")
      names.insert(String(words[2]))
      if words[3] == "histogram" { names.formUnion(["_bucket", "_sum", "_count"].map { words[2] + $0 }) }
    }
    return names
  }
}

extension EndToEnd {
  @Suite struct Prometheus {
    @Test func `every metric that a dashboard or a rule names exists`() async throws {
      let dashboard = Deploy.expressions(try Deploy.json("grafana/fleet.json"))
      let recording = try Deploy.rules("prometheus/recording.yml")
      let alerting = try Deploy.rules("prometheus/alerts.yml")
      #expect(dashboard.count > 50 && recording.recorded.count >= 11 && alerting.alerts.count >= 15)
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let text = try await fleet.ok("metrics", "--format", "prometheus")
        let known = Deploy.names(in: text).union(recording.recorded)
        for expression in dashboard + recording.expressions + alerting.expressions {
          let named = Deploy.metrics(of: expression)
          #expect(!named.isEmpty, "\(expression)")
          #expect(named.isSubset(of: known), "\(named.subtracting(known)) in \(expression)")
        }
        #expect(Deploy.metrics(of: "1 - sum by (le, a) (rate(no_such{b=\"c\"}[5m])) > 0.5") == ["no_such"])
        // And every metric is explained.
        let manual = try String(contentsOfFile: Built.package + "/docs/metrics.md", encoding: .utf8)
        for name in Deploy.names(in: text) where !name.hasSuffix("_bucket") && name != "up" {
          let family = name.replacing(/_(sum|count)$/, with: "")
          #expect(manual.contains("`\(family)`") || manual.contains("`\(name)`"), "\(name) is not in docs/metrics.md")
        }
      }
    }

    @Test func `promtool accepts the files and their tests pass`() async throws {
      try await FleetFixture.with { fleet in
        let copy = fleet.home + "/deploy"
        try FileManager.default.copyItem(atPath: Deploy.prometheus, toPath: copy)
        try "a token\n".write(toFile: copy + "/fleet.token", atomically: true, encoding: .utf8)
        let checked = try await fleet.run("/usr/bin/promtool", ["check", "config", copy + "/prometheus.yml"])
        #expect(checked.code == 0, "\(checked)")
        let tests = try FileManager.default.contentsOfDirectory(atPath: copy + "/tests").map { "\(copy)/tests/\($0)" }
        let tested = try await fleet.run("/usr/bin/promtool", ["test", "rules"] + tests)
        #expect(tested.code == 0 && tests.count >= 2, "\(tested)")
        // No alert is without a test, and none without a line in the handbook.
        let texts = try tests.map { try String(contentsOfFile: $0, encoding: .utf8) }.joined()
        let manual = try String(contentsOfFile: Built.package + "/docs/metrics.md", encoding: .utf8)
        for alert in try Deploy.rules("prometheus/alerts.yml").alerts {
          #expect(texts.contains("alertname: \(alert)\n"), "\(alert) has no test")
          #expect(manual.contains("`\(alert)`"), "\(alert) is not in docs/metrics.md")
        }
      }
    }

    @Test func `Prometheus scrapes, and Alertmanager hears of a dead kernel`() async throws {
      try await FleetFixture.with(configuration: "[host]\nhttp = \"127.0.0.1:0\"\n") { fleet in
        let (url, _) = try await fleet.startWeb()
        try await fleet.ok("spawn", "--name", "alice")
        let kernel = try await fleet.kernel("alice")
        let id = try #require(kernel["id"]?.string)
        try await Monitoring.with(fleet, host: url.replacingOccurrences(of: "http://", with: "")) { monitoring in
          try await eventually("a scrape") { try await monitoring.value("up{job=\"fleet\"}") == 1 }
          let target = try await monitoring.prometheus("targets")["data"]?["activeTargets"]?[0]
          #expect(target?["health"] == "up" && target?["lastError"] == "", "\(target ?? nil)")
          #expect(try await monitoring.value("fleet_kernel_up{kernel_id=\"\(id)\",language=\"lua\"}") == 1)
          try await eventually("a recording rule") {
            (try await monitoring.value("instance:fleet_kernel_resident_memory_bytes:sum") ?? 0) > 1e6
          }
          #expect(try await monitoring.value("fleet_spawn_duration_seconds_count") == 1)
          // A rate needs the zero before the one.
          try await eventually("the zero to be scraped twice") {
            try await monitoring.value("count_over_time(fleet_kernel_deaths_total{reason=\"signal\"}[1m])") ?? 0 >= 2
          }
          #expect(try await monitoring.alerts().isEmpty)

          kill(Int32(try #require(kernel["pid"]?.int)), SIGKILL)
          try await eventually("the alert to reach Alertmanager") {
            try await monitoring.alerts().contains {
              $0["alertname"] == "FleetKernelDied" && $0["reason"] == "signal" && $0["severity"] == "warning"
            }
          }
        }
      }
    }
  }
}

/// A Prometheus and an Alertmanager of a test's own, with our rules, on loopback; ended by their pids.
private struct Monitoring {
  let fleet: FleetFixture
  let ports: (prometheus: Int, alertmanager: Int)

  static func with(_ fleet: FleetFixture, host: String, _ body: (Monitoring) async throws -> Void) async throws {
    let ports = (prometheus: FleetFixture.freePort(), alertmanager: FleetFixture.freePort())
    let monitoring = Monitoring(fleet: fleet, ports: ports)
    let directory = fleet.home + "/monitoring"
    try FileManager.default.copyItem(atPath: Deploy.prometheus, toPath: directory)
    // What a user changes: addresses and the token's place; and what makes a test quick.
    var text = try Deploy.read("prometheus/prometheus.yml")
    for (shipped, ours) in [
      ("127.0.0.1:9550", host), ("127.0.0.1:9093", "127.0.0.1:\(ports.alertmanager)"),
      ("credentials_file: fleet.token", "credentials_file: \(fleet.home)/fleet.token"),
      ("scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s"),
      ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    ] {
      try #require(text.contains(shipped), "prometheus.yml does not say \(shipped)")
      text = text.replacingOccurrences(of: shipped, with: ours)
    }
    try text.write(toFile: directory + "/prometheus.yml", atomically: true, encoding: .utf8)
    let receivers = "route: {receiver: nobody, group_wait: 0s}\nreceivers: [{name: nobody}]\n"
    try receivers.write(toFile: directory + "/alertmanager.yml", atomically: true, encoding: .utf8)

    let alertmanager = try RunningCommand(
      "/usr/bin/prometheus-alertmanager",
      [
        "--config.file=\(directory)/alertmanager.yml", "--storage.path=\(directory)/alerts",
        "--web.listen-address=127.0.0.1:\(ports.alertmanager)", "--cluster.listen-address=",
      ], environment: fleet.variables)
    defer { kill(alertmanager.pid, SIGKILL) }
    let prometheus = try RunningCommand(
      "/usr/bin/prometheus",
      [
        "--config.file=\(directory)/prometheus.yml", "--storage.tsdb.path=\(directory)/data",
        "--web.listen-address=127.0.0.1:\(ports.prometheus)",
      ], environment: fleet.variables)
    defer { kill(prometheus.pid, SIGKILL) }
    do {
      try await body(monitoring)
    } catch {
      Issue.record("Prometheus said:\n\(prometheus.errors)\nAlertmanager said:\n\(alertmanager.errors)")
      throw error
    }
  }

  private func get(_ address: String, _ query: [String] = []) async throws -> JSON {
    let arguments = query.flatMap { ["--data-urlencode", $0] }
    let answer = try await fleet.run(
      "/usr/bin/curl", ["-s", "-f", "-G", "-m", "10"] + arguments + ["http://\(address)"])
    // Nobody answers yet, or says that it is not ready.
    return answer.code == 0 ? try answer.json : [:]
  }

  func prometheus(_ call: String, _ query: [String] = []) async throws -> JSON {
    try await get("127.0.0.1:\(ports.prometheus)/api/v1/\(call)", query)
  }

  /// The value of an expression with one result; nil without any.
  func value(_ expression: String) async throws -> Double? {
    let found = try await prometheus("query", ["query=\(expression)"])["data"]?["result"]
    return found?[0]?["value"]?[1]?.string.flatMap(Double.init)
  }

  /// Labels of the alerts that Alertmanager knows.
  func alerts() async throws -> [JSON] {
    (try await get("127.0.0.1:\(ports.alertmanager)/api/v2/alerts").array ?? []).compactMap { $0["labels"] }
  }
}
