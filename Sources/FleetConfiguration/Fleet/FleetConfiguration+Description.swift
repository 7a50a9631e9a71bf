// The effective configuration as TOML, defaults included, for `fleet status --config`.

extension FleetConfiguration {
  /// TOML that could be written to a file as it is, but for values of `env`, which may be secrets.
  public func described() -> String {
    var text = TOMLText()
    text.comment(file.map { "from \($0)" } ?? "no fleet.toml was found: all of this is default")
    text.section("host")
    text.add("http", host.http?.description ?? "")
    text.add("tokens", host.tokens)
    text.add("tls_certificate", host.tlsCertificate)
    text.add("tls_key", host.tlsKey)
    text.add("allowed_hosts", list: host.allowedHosts.isEmpty ? nil : host.allowedHosts)
    text.add("allowed_origins", list: host.allowedOrigins.isEmpty ? nil : host.allowedOrigins)
    text.add("max_connections", number: host.maximumConnections)
    text.section("ports")
    text.add("base", number: ports.base)
    text.section("policies")
    for entry in Policies.Entry.allCases { text.add(entry.rawValue, list: policies.paths[entry]) }
    for entry in Policies.Entry.allCases { text.add("shadow.\(entry.rawValue)", list: policies.shadows[entry]) }
    for (name, pool) in pools.sorted(by: { $0.key < $1.key }) { text.add(pool, named: name) }
    for (name, spec) in kernelspecs.sorted(by: { $0.key < $1.key }) { text.add(spec, named: name) }
    text.section("limits")
    text.add(limits)
    if hardening != HardeningSettings() {
      text.section("hardening")
      text.add("private_tmp", hardening.privateTmp)
      text.add("landlock", hardening.landlock)
      text.add("seccomp", hardening.seccomp)
      text.add("uid_range", hardening.uidRange?.description)
    }
    text.section("health")
    text.add("interval", DurationText.format(health.interval))
    text.section("logs")
    text.add("max_size", logs.maximumSize.description)
    text.add("max_age", logs.maximumAge.map(DurationText.format))
    text.add("keep", number: logs.keep)
    text.section("alerts")
    text.add("webhook", alerts.webhook)
    text.add("alertmanager", alerts.alertmanager)
    text.add("command", list: alerts.command.isEmpty ? nil : alerts.command)
    text.add("interval", DurationText.format(alerts.interval))
    text.section("metrics")
    text.add("interval", DurationText.format(metrics.interval))
    text.add("history", metrics.history)
    text.section("decisions")
    text.add("max_size", decisions.maximumSize.description)
    text.add("max_age", DurationText.format(decisions.maximumAge))
    text.section("gateway")
    text.add(gateway)
    text.section("channels")
    text.add("max_message", channels.maximumMessage.description)
    text.add("buffer", channels.buffer.description)
    text.add("session_buffer", channels.sessionBuffer.description)
    text.add("session_age", DurationText.format(channels.sessionAge))
    return text.text
  }
}

private struct TOMLText {
  var text = ""

  mutating func comment(_ words: String) { text += "# \(words)\n" }

  mutating func section(_ name: String) { text += "\n[\(name)]\n" }

  mutating func add(_ key: String, _ value: String?) {
    if let value { text += "\(key) = \(Self.quoted(value))\n" }
  }

  mutating func add(_ key: String, number: Int) { text += "\(key) = \(number)\n" }

  mutating func add(_ key: String, _ value: Bool) { text += "\(key) = \(value)\n" }

  mutating func add(_ key: String, list: [String]?) {
    if let list { text += "\(key) = [\(list.map(Self.quoted).joined(separator: ", "))]\n" }
  }

  mutating func add(_ limits: Limits) {
    add("memory", limits.memory?.description)
    if let cpu = limits.cpu { text += "cpu = \(cpu)\n" }
    if let nice = limits.nice { add("nice", number: nice.value) }
    if let processes = limits.processes { add("processes", number: processes.value) }
    if let openFiles = limits.openFiles { add("open_files", number: openFiles.value) }
    add("file_size", limits.fileSize?.description)
  }

  mutating func add(_ gateway: FleetConfiguration.Gateway) {
    text += "share = \(gateway.share)\n"
    add("env", list: gateway.environment)
    add("root", gateway.root)
    add("default", gateway.kernelspec)
    add("cull_interval", DurationText.format(gateway.cullInterval))
    text += "cull_connected = \(gateway.cullConnected)\n"
  }

  mutating func add(_ pool: FleetConfiguration.Pool, named name: String) {
    section("pools.\(Self.key(name))")
    add("kernelspec", pool.kernelspec)
    add("language", pool.language)
    add("config", pool.config)
    add("min", number: pool.minimum)
    add("max", number: pool.maximum)
    add("warm", number: pool.warm)
    add("launcher", pool.launcher)
    let scaling = pool.scaling
    add("interval", DurationText.format(scaling.interval))
    text += "tolerance = \(scaling.tolerance)\n"
    add("scale_up_window", DurationText.format(scaling.upWindow))
    add("scale_down_window", DurationText.format(scaling.downWindow))
    text += "scale_up_step = \(scaling.upStep.written)\n"
    text += "scale_down_step = \(scaling.downStep.written)\n"
    add("cooldown", DurationText.format(scaling.cooldown))
    for (key, value) in pool.labels.sorted(by: { $0.key < $1.key }) { add("labels.\(Self.key(key))", value) }
    guard pool.limits != Limits() else { return }
    section("pools.\(Self.key(name)).limits")
    add(pool.limits)
  }

  mutating func add(_ spec: FleetConfiguration.KernelspecSettings, named name: String) {
    section("kernelspecs.\(Self.key(name))")
    add("argv", list: spec.argv)
    add("language", spec.language)
    add("display_name", spec.displayName)
    add("interrupt_mode", spec.interruptMode.rawValue)
    for key in spec.environment.keys.sorted() { text += "env.\(Self.key(key)) = \"…\"  # not shown\n" }
  }

  private static func key(_ name: String) -> String {
    !name.isEmpty && name.utf8.allSatisfy(TOMLParser.isBare) ? name : quoted(name)
  }

  private static func quoted(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
