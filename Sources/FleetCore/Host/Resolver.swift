// From what a client says to what is started: finds and reads the config, finds the kernelspec, merges the limits.
import FleetConfiguration
import FleetEngine

struct Resolver: Sendable {
  let configuration: FleetConfiguration
  let locator: Locator
  /// Looked up anew for each request, because kernelspecs are installed while a host runs.
  let catalog: @Sendable () -> KernelspecCatalog

  /// Files and names are looked up now, so that a typo is an answer, not a kernel that does not start.
  func specification(of request: SpawnRequest) throws(EngineError) -> Specification {
    let config = try config(of: request)
    let file = try config.map { path throws(EngineError) in try Self.load(path) }
    let language = request.language ?? file?.language
    let spec = try kernelspec(request.kernelspec, language: language)
    var specification = Specification(
      kernelspec: spec.name, language: spec.language.lowercased(), config: config, provider: file?.llm?.provider,
      model: file?.llm?.model, name: request.name,
      labels: (file?.labels ?? [:]).merging(request.labels) { _, asked in asked }, owner: request.owner ?? "",
      pool: request.pool, limits: try limits(of: request, file), port: request.port)
    specification.limits.bestEffort = request.bestEffort
    try check(specification, request)
    return specification
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

  private static func load(_ path: String) throws(EngineError) -> KernelConfiguration {
    do throws(ConfigurationError) { return try KernelConfiguration.load(path: path) } catch {
      throw EngineError(.badRequest, error.description)
    }
  }

  private func kernelspec(_ name: String?, language: String?) throws(EngineError) -> Kernelspec {
    do throws(ConfigurationError) {
      let catalog = catalog()
      if let name { return try catalog.find(name: name) }
      return try catalog.find(language: language ?? "lua")
    } catch {
      throw EngineError(.kernelspecNotFound, error.description)
    }
  }

  func kernelspec(named name: String) throws(EngineError) -> Kernelspec { try kernelspec(name, language: nil) }

  /// The request's limits over the config's over those of fleet.toml.
  private func limits(
    of request: SpawnRequest, _ file: KernelConfiguration?
  ) throws(EngineError) -> FleetEngine.Limits {
    var asked = FleetConfiguration.ResourceLimits()
    do throws(ValueError) {
      asked.memory = try request.memory.map { text throws(ValueError) in try ByteCount(parsing: text) }
      asked.cpu = try request.cpu.map { text throws(ValueError) in try CPUShare(parsing: text) }
      asked.nice = try request.nice.map { text throws(ValueError) in try Niceness(parsing: text) }
      asked.processes = try request.processes.map { text throws(ValueError) in try PositiveCount(parsing: text) }
      asked.openFiles = try request.openFiles.map { text throws(ValueError) in try PositiveCount(parsing: text) }
    } catch {
      throw EngineError(.badRequest, error.description)
    }
    let limits = asked.over(file?.limits ?? .init()).over(configuration.limits)
    return FleetEngine.Limits(
      memory: limits.memory?.bytes, cpu: limits.cpu?.cores, processes: limits.processes?.value,
      openFiles: limits.openFiles?.value, nice: limits.nice?.value)
  }

  static func memory(_ text: String) throws(EngineError) -> Int64 {
    do throws(ValueError) { return try ByteCount(parsing: text).bytes } catch {
      throw EngineError(.badRequest, error.description)
    }
  }

  /// A new kernel for requirements that it does not meet would never be found again.
  private func check(_ specification: Specification, _ request: SpawnRequest) throws(EngineError) {
    let config = specification.config.map(FilePath.name) ?? "no config"
    if let provider = request.provider, provider != specification.provider {
      throw EngineError(
        .badRequest, "\(config) has the provider \(specification.provider ?? "none"), not '\(provider)'")
    }
    if let model = request.model, model != specification.model {
      throw EngineError(.badRequest, "\(config) has the model \(specification.model ?? "none"), not '\(model)'")
    }
  }
}
