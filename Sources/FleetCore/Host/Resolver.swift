// From what a client says to what is started: finds and reads the config, finds the kernelspec, merges the limits.
import FleetConfiguration
import FleetEngine
import Synchronization

struct Resolver: Sendable {
  let configuration: FleetConfiguration
  let locator: Locator
  /// Looked up anew for each request, because kernelspecs are installed while a host runs.
  let catalog: @Sendable () -> KernelspecCatalog
  private let recent = RecentKernelspecs()

  init(
    configuration: FleetConfiguration, locator: Locator, catalog: @escaping @Sendable () -> KernelspecCatalog
  ) {
    self.configuration = configuration
    self.locator = locator
    self.catalog = catalog
  }

  /// Files and names are looked up now, so that a typo is an answer, not a kernel that does not start.
  func specification(of request: SpawnRequest) throws(EngineError) -> Specification {
    let pool = try pool(request)
    let request = request.over(pool)
    let config = try config(of: request)
    let file = try config.map { path throws(EngineError) in try Self.load(path) }
    let language = request.language ?? file?.language
    let spec = try kernelspec(request.kernelspec, language: language)
    var specification = Specification(
      kernelspec: spec.name, language: spec.language.lowercased(), config: config, provider: file?.llm?.provider,
      model: file?.llm?.model, name: request.name,
      labels: (file?.labels ?? [:]).merging(request.labels) { _, asked in asked }, owner: request.owner ?? "",
      pool: request.pool, limits: try limits(of: request, pool, file),
      hardening: hardening(file), port: request.port)
    specification.limits.bestEffort = request.bestEffort
    try check(specification, request)
    return specification
  }

  /// The variables that the config of a request asks for. One that cannot be read asks for none, and is told elsewhere.
  func variables(of request: SpawnRequest) -> [String] {
    guard let config = try? config(of: request), let file = try? Self.load(config) else { return [] }
    return file.requiredVariables
  }

  private func pool(_ request: SpawnRequest) throws(EngineError) -> FleetConfiguration.Pool? {
    guard let name = request.pool else { return nil }
    if let pool = configuration.pools[name] { return pool }
    let names = configuration.pools.keys.sorted().joined(separator: ", ")
    throw EngineError(
      .badRequest, "there is no pool '\(name)'; " + (names.isEmpty ? "fleet.toml has none" : "there are \(names)"))
  }

  /// The config that is named; else the one that is called like the provider; else `default` for the Lua kernel.
  private func config(of request: SpawnRequest) throws(EngineError) -> String? {
    if let name = request.config { return try find(name) }
    if let provider = request.provider {
      do throws(EngineError) { return try find(provider) } catch {
        throw EngineError(
          .configNotFound, "no config is called like the provider '\(provider)'; name one that has it with config")
      }
    }
    let isLua = request.kernelspec.map { $0 == "lua" } ?? (request.language.map { $0.lowercased() == "lua" } ?? true)
    return isLua ? locator.shipped("default.toml", .config) : nil
  }

  private func find(_ name: String) throws(EngineError) -> String {
    do throws(ConfigurationError) {
      return try locator.find(name, .config, from: locator.fleetDirectory)
    } catch {
      throw EngineError(.configNotFound, error.description)
    }
  }

  /// Whoever asks cannot help it if a file cannot be read now.
  private static func error(_ code: EngineError.Code, _ error: ConfigurationError) -> EngineError {
    EngineError(error.code == .unavailable ? .startFailed : code, error.description)
  }

  private static func load(_ path: String) throws(EngineError) -> KernelConfiguration {
    do throws(ConfigurationError) { return try KernelConfiguration.load(path: path) } catch {
      throw Self.error(.badRequest, error)
    }
  }

  private func kernelspec(_ name: String?, language: String?) throws(EngineError) -> Kernelspec {
    do throws(ConfigurationError) {
      let catalog = catalog()
      if let name { return recent.keep(try catalog.find(name: name)) }
      return recent.keep(try catalog.find(language: language ?? "lua"))
    } catch {
      throw Self.error(.kernelspecNotFound, error)
    }
  }

  /// For a launch: what was found for its request a moment ago need not be looked for again.
  func kernelspec(named name: String) throws(EngineError) -> Kernelspec {
    if let spec = recent.find(name) { return spec }
    return try kernelspec(name, language: nil)
  }

  /// The request's limits over the pool's over the config's over those of fleet.toml.
  private func limits(
    of request: SpawnRequest, _ pool: FleetConfiguration.Pool?, _ file: KernelConfiguration?
  ) throws(EngineError) -> FleetEngine.Limits {
    var asked = FleetConfiguration.ResourceLimits()
    do throws(ValueError) {
      asked.memory = try request.memory.map { text throws(ValueError) in
        try FleetConfiguration.ResourceLimits.memory(parsing: text)
      }
      asked.cpu = try request.cpu.map { text throws(ValueError) in try CPUShare(parsing: text) }
      asked.nice = try request.nice.map { text throws(ValueError) in try Niceness(parsing: text) }
      asked.processes = try request.processes.map { text throws(ValueError) in
        try FleetConfiguration.ResourceLimits.processes(parsing: text)
      }
      asked.openFiles = try request.openFiles.map { text throws(ValueError) in
        try FleetConfiguration.ResourceLimits.openFiles(parsing: text)
      }
      asked.fileSize = try request.fileSize.map { text throws(ValueError) in
        try FleetConfiguration.ResourceLimits.fileSize(parsing: text)
      }
    } catch {
      throw EngineError(.badRequest, error.description)
    }
    let limits = asked.over(pool?.limits ?? .init()).over(file?.limits ?? .init()).over(configuration.limits)
    return FleetEngine.Limits(
      memory: limits.memory?.bytes, cpu: limits.cpu?.cores, processes: limits.processes?.value,
      openFiles: limits.openFiles?.value, fileSize: limits.fileSize?.bytes, nice: limits.nice?.value)
  }

  private func hardening(_ file: KernelConfiguration?) -> Hardening {
    let settings = configuration.hardening.and(file?.hardening ?? .init())
    return Hardening(
      privateTmp: settings.privateTmp, landlock: settings.landlock, seccomp: settings.seccomp,
      firstUser: settings.uidRange?.first)
  }

  static func memory(_ text: String) throws(EngineError) -> Int64 {
    do throws(ValueError) { return try FleetConfiguration.ResourceLimits.memory(parsing: text).bytes } catch {
      throw EngineError(.badRequest, error.description)
    }
  }

  /// A new kernel for requirements that it does not meet would never be found again.
  private func check(_ specification: Specification, _ request: SpawnRequest) throws(EngineError) {
    try Self.check("provider", request.provider, specification.provider, specification.config)
    try Self.check("model", request.model, specification.model, specification.config)
  }

  private static func check(
    _ what: String, _ asked: String?, _ found: String?, _ config: String?
  ) throws(EngineError) {
    guard let asked, asked != found else { return }
    let holder = config.map { FilePath.name(of: $0) } ?? "a kernel without a config"
    let rest = found.map { "the \(what) '\($0)'" } ?? "no \(what)"
    throw EngineError(.badRequest, "\(holder) has \(rest); '\(asked)' was asked for")
  }
}

extension SpawnRequest {
  /// What the request does not say, the pool's template says.
  fileprivate func over(_ pool: FleetConfiguration.Pool?) -> SpawnRequest {
    guard let pool else { return self }
    var request = self
    // A request that names one of these means another kernel than the template's.
    if kernelspec == nil, language == nil, config == nil {
      request.kernelspec = pool.kernelspec
      request.language = pool.language
      request.config = pool.config
    }
    request.labels = pool.labels.merging(labels) { _, asked in asked }
    return request
  }
}

/// Kernelspecs that were looked up within the last second: the launch that follows a request needs the same one.
private final class RecentKernelspecs: Sendable {
  private static let lifetime: Duration = .seconds(1)
  private let found = Mutex<[String: (spec: Kernelspec, until: ContinuousClock.Instant)]>([:])

  func keep(_ spec: Kernelspec) -> Kernelspec {
    found.withLock { $0[spec.name] = (spec, .now + Self.lifetime) }
    return spec
  }

  func find(_ name: String) -> Kernelspec? {
    found.withLock { found in
      guard let entry = found[name] else { return nil }
      if entry.until > .now { return entry.spec }
      found[name] = nil
      return nil
    }
  }
}
