// Scenario files: TOML, read strictly.
import FleetConfiguration
import FleetEngine

extension Scenario {
  /// Reads a scenario. Relative paths in it are seen from its directory; policies are looked up there, then where
  /// `fleet.toml` would find them.
  /// - Throws: `ConfigurationError` with file and line.
  public static func load(_ path: String, locator: Locator) throws(ConfigurationError) -> Scenario {
    try parse(try TextFile.read(path), file: FilePath.absolute(path), locator: locator)
  }

  /// - Parameter file: an absolute path.
  public static func parse(
    _ text: String, file: String, locator: Locator
  ) throws(ConfigurationError) -> Scenario {
    var top = try TableReader(text: text, file: file)
    var name = FilePath.name(of: file)
    if name.hasSuffix(".toml") { name = String(name.dropLast(5)) }
    var scenario = Scenario(name: name, directory: FilePath.directory(of: file))
    scenario.name = try top.string("name") ?? scenario.name
    scenario.summary = try top.string("summary")
    scenario.duration = try top.time("duration") ?? scenario.duration
    guard scenario.duration > 0 else { throw top.badValue("duration", "must be longer than nothing") }
    scenario.seed = UInt64(try top.integer("seed", in: 0...Int64.max) ?? 1)
    scenario.begins = try top.time("begins") ?? 0
    for (entry, paths) in try top.policies(locator).paths {
      scenario.policies[EntryPoint(rawValue: entry.rawValue)!] = paths  // the two have the same words
    }
    scenario.pools = try top.pools(locator)
    let gateway = try top.gateway()
    scenario.engine.culling = Culling(interval: gateway.cullInterval, endsConnected: gateway.cullConnected)
    try top.host(&scenario)
    try top.kernels(&scenario)
    for var reader in try top.tables("spawn") { scenario.standing.append(try reader.standing()) }
    for var reader in try top.tables("clients") { scenario.clients.append(try reader.client(scenario)) }
    for var reader in try top.tables("faults") { scenario.faults.append(try reader.fault(scenario)) }
    scenario.goals = try top.goals()
    try top.checkKernels(scenario)
    try top.finish()
    return scenario
  }
}

extension TableReader {
  mutating func time(_ key: String) throws(ConfigurationError) -> Int64? {
    try parsedOrInteger(key, expected: "a length of time such as \"2s\"", Quantity.nanoseconds)
  }

  mutating func distribution(
    _ key: String, _ quantity: (String) throws(ValueError) -> Double, _ example: String
  ) throws(ConfigurationError) -> Distribution? {
    let expected = "a value or a distribution such as \"\(example)\""
    if let node = node(key), case .float(let value) = node.content, value >= 0 { return .constant(value) }
    return try parsedOrInteger(key, expected: expected) { text throws(ValueError) in
      try Distribution.parse(text, quantity)
    }
  }

  mutating func times(_ key: String) throws(ConfigurationError) -> Distribution? {
    try distribution(key, Quantity.seconds, "exponential(2s)")
  }

  mutating func bytes(_ key: String) throws(ConfigurationError) -> Double? {
    try parsedOrInteger(key, expected: "a size such as \"5M\"", Quantity.bytes)
  }

  mutating func share(_ key: String) throws(ConfigurationError) -> Double? {
    guard let value = try number(key) else { return nil }
    guard (0...1).contains(value) else { throw badValue(key, "\(value) is no share; write a number from 0 to 1") }
    return value
  }

  mutating func positive(_ key: String) throws(ConfigurationError) -> Double? {
    guard let value = try number(key) else { return nil }
    guard value >= 0 else { throw badValue(key, "\(value) is negative") }
    return value
  }

  fileprivate mutating func host(_ scenario: inout Scenario) throws(ConfigurationError) {
    guard var reader = try table("host") else { return }
    scenario.host.connections = try reader.time("connections") ?? scenario.host.connections
    if let samples = try reader.time("samples") { scenario.host.samples = samples == 0 ? 0 : max(samples, 100_000_000) }
    scenario.host.heartbeat = max(100_000_000, try reader.time("heartbeat") ?? scenario.host.heartbeat)
    scenario.host.commit = try reader.time("commit") ?? scenario.host.commit
    scenario.host.cores = try reader.integer("cores", in: 0...100_000) ?? 0
    for (key, field) in Self.engineTimes {
      if let time = try reader.time(key) { scenario.engine[keyPath: field] = .nanoseconds(time) }
    }
    try reader.finish()
  }

  /// Where the engine's own times are set.
  private static var engineTimes: [(String, WritableKeyPath<EngineConfiguration, Duration>)] {
    [
      ("start_timeout", \.startTimeout), ("find_timeout", \.findTimeout), ("reservation", \.reservation),
      ("kill_after", \.killAfter),
    ]
  }

  fileprivate mutating func goals() throws(ConfigurationError) -> Goals {
    var goals = Goals()
    guard var reader = try table("slo") else { return goals }
    goals.wait = try reader.time("wait")
    goals.response = try reader.time("response")
    goals.success = try reader.share("success")
    try reader.finish()
    return goals
  }
}
