// Finding fleet.toml and reading it.

extension FleetConfiguration {
  /// Read where there is none in the fleet directory.
  public static let systemFile = "/etc/llmspell/fleet.toml"

  /// Reads the file that was named, else `fleet.toml` of the fleet directory, else the system's, else takes the
  /// defaults. Never looks in the working directory: the file can start programs.
  public static func load(
    named path: String?, directory: FleetDirectory, locator: Locator, systemFile: String = systemFile
  ) throws(ConfigurationError) -> FleetConfiguration {
    if let path { return try parse(try TextFile.read(path), file: FilePath.absolute(path), locator: locator) }
    for candidate in [directory.configurationFile, systemFile] {
      do {
        return try parse(try TextFile.read(candidate), file: candidate, locator: locator)
      } catch  where error.code == .notFound && error.file == candidate {
        continue
      }
    }
    var configuration = FleetConfiguration()
    configuration.policies.fillDefaults(locator)
    return configuration
  }

  /// - Parameter file: an absolute path; relative paths of the text are seen from its directory.
  public static func parse(
    _ text: String, file: String, locator: Locator
  ) throws(ConfigurationError) -> FleetConfiguration {
    var top = try TableReader(text: text, file: file)
    var configuration = FleetConfiguration()
    configuration.file = file
    configuration.host = try top.host()
    if var ports = try top.table("ports") {
      // A kernel takes five ports from its base on.
      configuration.ports.base = try ports.integer("base", in: 1...65531) ?? configuration.ports.base
      try ports.finish()
    }
    configuration.policies = try top.policies(locator)
    configuration.pools = try top.pools(locator)
    configuration.kernelspecs = try top.kernelspecs()
    configuration.limits = try top.limits()
    configuration.hardening = try top.hardening(isHost: true)
    configuration.health = try top.health()
    configuration.logs = try top.logs()
    configuration.alerts = try top.alerts()
    configuration.metrics = try top.metrics()
    configuration.decisions = try top.decisions()
    configuration.gateway = try top.gateway()
    configuration.channels = try top.channels()
    try top.finish()
    return configuration
  }
}

extension Policies {
  /// What a host asks when nobody said otherwise.
  static let defaults: [(entry: Entry, name: String)] = [(.route, "least_loaded")]

  mutating func fillDefaults(_ locator: Locator) {
    for (entry, name) in Self.defaults where paths[entry] == nil {
      // An installation without its policies still works: the host's native default decides.
      if let path = locator.shipped(name, .policy) { paths[entry] = [path] }
    }
  }
}

extension TableReader {
  /// The file's own directory.
  private var directory: String { FilePath.directory(of: file) }

  private mutating func path(_ key: String) throws(ConfigurationError) -> String? {
    try name(key).map { FilePath.resolve($0, against: directory) }
  }

  fileprivate mutating func host() throws(ConfigurationError) -> FleetConfiguration.Host {
    var host = FleetConfiguration.Host()
    guard var reader = try table("host") else { return host }
    if reader.node("http")?.content == .string("") {
      host.http = nil
    } else if let address = try reader.parsed("http", HTTPAddress.init(parsing:)) {
      (host.http, host.isHTTPAsked, host.httpFile) = (address, true, file)
    }
    host.tokens = try reader.path("tokens")
    host.tlsCertificate = try reader.path("tls_certificate")
    host.tlsKey = try reader.path("tls_key")
    host.allowedHosts = try reader.strings("allowed_hosts") ?? []
    host.allowedOrigins = try reader.strings("allowed_origins") ?? []
    host.maximumConnections =
      try reader.integer("max_connections", in: 1...100_000) ?? host.maximumConnections
    try reader.finish()
    guard (host.tlsCertificate == nil) == (host.tlsKey == nil) else {
      let given = host.tlsKey == nil ? "tls_certificate" : "tls_key"
      throw reader.badValue(given, "needs \(host.tlsKey == nil ? "tls_key" : "tls_certificate") beside it")
    }
    return host
  }

  package mutating func policies(_ locator: Locator) throws(ConfigurationError) -> Policies {
    var policies = Policies()
    if var reader = try table("policies") {
      policies.paths = try reader.policyPaths(locator)
      if var shadow = try reader.table("shadow") {
        policies.shadows = try shadow.policyPaths(locator)
        try shadow.finish()
      }
      try reader.finish()
    }
    policies.fillDefaults(locator)
    return policies
  }

  private mutating func policyPaths(_ locator: Locator) throws(ConfigurationError) -> [Policies.Entry: [String]] {
    var paths: [Policies.Entry: [String]] = [:]
    for entry in Policies.Entry.allCases {
      guard let names = try stringOrStrings(entry.rawValue) else { continue }
      var found: [String] = []
      for name in names { found.append(try located(name, .policy, locator, key: entry.rawValue)) }
      paths[entry] = found
    }
    return paths
  }

  /// A file that is named relative to this one, or else ships with the program.
  func located(
    _ name: String, _ kind: Locator.Kind, _ locator: Locator, key: String
  ) throws(ConfigurationError) -> String {
    do {
      return try locator.find(name, kind, from: directory)
    } catch {
      throw badValue(key, error.message)
    }
  }

  fileprivate mutating func kernelspecs() throws(ConfigurationError) -> [String: FleetConfiguration.KernelspecSettings]
  {
    guard var reader = try table("kernelspecs") else { return [:] }
    var specs: [String: FleetConfiguration.KernelspecSettings] = [:]
    for name in reader.names {
      guard var inner = try reader.table(name) else { continue }
      guard Kernelspec.isName(name) else {
        throw reader.badValue(name, "a kernelspec's name has only letters, digits, \".\", \"_\" and \"-\"")
      }
      specs[name] = try inner.kernelspec()
    }
    return specs
  }

  private mutating func kernelspec() throws(ConfigurationError) -> FleetConfiguration.KernelspecSettings {
    guard var argv = try strings("argv"), let program = argv.first, !program.isEmpty else {
      throw badValue("argv", "names no program; write argv = [\"program\", \"{connection_file}\"]")
    }
    if program.contains("/") || program.hasPrefix("~") { argv[0] = FilePath.resolve(program, against: directory) }
    guard let language = try name("language") else {
      throw missing("language", "write language = \"lua\" or another")
    }
    var spec = FleetConfiguration.KernelspecSettings(argv: argv, language: language)
    spec.displayName = try name("display_name")
    if var environment = try table("env") { spec.environment = try environment.stringsByName() }
    spec.interruptMode = try word("interrupt_mode", InterruptMode.self) ?? .signal
    try finish()
    return spec
  }

  fileprivate mutating func health() throws(ConfigurationError) -> FleetConfiguration.Health {
    var health = FleetConfiguration.Health()
    guard var reader = try table("health") else { return health }
    health.interval = try reader.duration("interval", in: .milliseconds(100) ... .seconds(3600)) ?? health.interval
    try reader.finish()
    return health
  }

  fileprivate mutating func logs() throws(ConfigurationError) -> FleetConfiguration.Logs {
    var logs = FleetConfiguration.Logs()
    guard var reader = try table("logs") else { return logs }
    logs.maximumSize = try reader.size("max_size") ?? logs.maximumSize
    logs.maximumAge = try reader.duration("max_age")
    logs.keep = try reader.integer("keep", in: 0...1000) ?? logs.keep
    try reader.finish()
    return logs
  }

  fileprivate mutating func alerts() throws(ConfigurationError) -> FleetConfiguration.Alerts {
    var alerts = FleetConfiguration.Alerts()
    guard var reader = try table("alerts") else { return alerts }
    alerts.webhook = try reader.endpoint("webhook")
    alerts.alertmanager = try reader.endpoint("alertmanager")
    alerts.command = try reader.strings("command") ?? []
    if alerts.command.first == "" { throw reader.badValue("command", "names no program") }
    alerts.interval = try reader.duration("interval", in: .milliseconds(100) ... .seconds(3600)) ?? alerts.interval
    try reader.finish()
    return alerts
  }

  fileprivate mutating func metrics() throws(ConfigurationError) -> FleetConfiguration.Metrics {
    var metrics = FleetConfiguration.Metrics()
    guard var reader = try table("metrics") else { return metrics }
    metrics.interval = try reader.duration("interval", in: .milliseconds(100) ... .seconds(3600)) ?? metrics.interval
    metrics.history = try reader.bool("history") ?? metrics.history
    try reader.finish()
    return metrics
  }

  fileprivate mutating func decisions() throws(ConfigurationError) -> FleetConfiguration.Decisions {
    var decisions = FleetConfiguration.Decisions()
    guard var reader = try table("decisions") else { return decisions }
    decisions.maximumSize = try reader.size("max_size") ?? decisions.maximumSize
    guard decisions.maximumSize.bytes >= 1 << 20 else {
      throw reader.badValue("max_size", "\(decisions.maximumSize) is too little; the least is 1M")
    }
    decisions.maximumAge =
      try reader.duration("max_age", in: .seconds(60) ... .seconds(3650 * 86_400)) ?? decisions.maximumAge
    try reader.finish()
    return decisions
  }
}
