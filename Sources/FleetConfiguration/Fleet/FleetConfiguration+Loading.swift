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
    configuration.health = try top.health()
    configuration.logs = try top.logs()
    configuration.alerts = try top.alerts()
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
      host.http = address
    }
    host.tokens = try reader.path("tokens")
    host.tlsCertificate = try reader.path("tls_certificate")
    host.tlsKey = try reader.path("tls_key")
    try reader.finish()
    guard (host.tlsCertificate == nil) == (host.tlsKey == nil) else {
      let given = host.tlsKey == nil ? "tls_certificate" : "tls_key"
      throw reader.badValue(given, "needs \(host.tlsKey == nil ? "tls_key" : "tls_certificate") beside it")
    }
    return host
  }

  fileprivate mutating func policies(_ locator: Locator) throws(ConfigurationError) -> Policies {
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
  private func located(
    _ name: String, _ kind: Locator.Kind, _ locator: Locator, key: String
  ) throws(ConfigurationError) -> String {
    do {
      return try locator.find(name, kind, from: directory)
    } catch {
      throw badValue(key, error.message)
    }
  }

  fileprivate mutating func pools(_ locator: Locator) throws(ConfigurationError) -> [String: FleetConfiguration.Pool] {
    guard var reader = try table("pools") else { return [:] }
    var pools: [String: FleetConfiguration.Pool] = [:]
    for name in reader.names {
      guard var inner = try reader.table(name) else { continue }
      pools[name] = try inner.pool(locator)
    }
    return pools
  }

  private mutating func pool(_ locator: Locator) throws(ConfigurationError) -> FleetConfiguration.Pool {
    var pool = FleetConfiguration.Pool()
    pool.kernelspec = try name("kernelspec")
    pool.language = try name("language")
    if let config = try name("config") { pool.config = try located(config, .config, locator, key: "config") }
    pool.minimum = try integer("min", in: 0...10_000) ?? 0
    pool.warm = try integer("warm", in: 0...10_000) ?? 0
    pool.maximum = try integer("max", in: 1...10_000) ?? max(1, pool.minimum, pool.warm)
    pool.launcher = try name("launcher") ?? "local"
    pool.limits = try limits()
    if var labels = try table("labels") { pool.labels = try labels.stringsByName() }
    try finish()
    if pool.minimum > pool.maximum { throw badValue("min", "\(pool.minimum) is more than max, \(pool.maximum)") }
    if pool.warm > pool.maximum { throw badValue("warm", "\(pool.warm) is more than max, \(pool.maximum)") }
    return pool
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
      throw badValue("language", "is missing; write language = \"lua\" or another")
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
    if let interval = try reader.parsed("interval", DurationText.parse) {
      guard interval >= .milliseconds(100), interval <= .seconds(3600) else {
        throw reader.badValue("interval", "\(DurationText.format(interval)) is outside 100ms to 1h")
      }
      health.interval = interval
    }
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
    try reader.finish()
    return alerts
  }
}
