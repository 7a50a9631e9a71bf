// Kernelspecs for Jupyter's clients.
import FleetConfiguration
import FleetEngine
import JSON

extension FleetHost {
  /// The document of `GET /api/kernelspecs`. What is installed while a host runs is there with the next request.
  public func jupyterKernelspecs() async -> JSON {
    let (resolver, builtIn) = (resolver, setup.builtInResources)
    return await lookups.run {
      let catalog = resolver.catalog()
      let specs = catalog.all.map { ($0.name, Self.document(of: $0, builtIn)) }
      return [
        "default": .string(resolver.defaultKernelspec(of: catalog)),
        "kernelspecs": .object(Dictionary(specs, uniquingKeysWith: { first, _ in first })),
      ]
    }
  }

  /// The document of `GET /api/kernelspecs/NAME`.
  public func jupyterKernelspec(_ name: String) async throws -> JSON {
    let (resolver, builtIn) = (resolver, setup.builtInResources)
    return try await lookups.run { () throws(EngineError) in
      Self.document(of: try Self.spec(name, resolver), builtIn)
    }
  }

  /// The file of `GET /kernelspecs/NAME/FILE`.
  public func jupyterResource(_ name: String, _ file: String) async throws -> KernelspecResource {
    let (resolver, builtIn) = (resolver, setup.builtInResources)
    return try await lookups.run { () throws(EngineError) in
      let spec = try Self.spec(name, resolver)
      let resource =
        switch spec.source {
        case .builtIn: builtIn()[file].map { KernelspecResource(bytes: $0, type: KernelspecResource.type(of: file)) }
        case .directory(let path): KernelspecResource.read(file, in: path)
        case .configuration: nil as KernelspecResource?
        }
      guard let resource else {
        throw EngineError(.kernelspecNotFound, "the kernelspec '\(spec.name)' has no file '\(file.prefix(256))'")
      }
      return resource
    }
  }

  private static func spec(_ name: String, _ resolver: Resolver) throws(EngineError) -> Kernelspec {
    do throws(ConfigurationError) { return try resolver.catalog().find(name: name) } catch {
      throw EngineError(.kernelspecNotFound, error.description)
    }
  }

  private static func document(_ spec: Kernelspec, _ names: [String]) -> JSON {
    let resources = names.filter(KernelspecResource.isShown).map {
      (KernelspecResource.key($0), JSON.string("/kernelspecs/\(spec.name)/\($0)"))
    }
    // Values of fleet.toml's `env` may be secrets, and nobody but the kernel needs them.
    let isOurs = spec.source == .configuration
    return [
      "name": .string(spec.name),
      "spec": [
        "argv": .array(spec.argv.map(JSON.string)),
        "env": .object(isOurs ? [:] : spec.environment.mapValues(JSON.string)),
        "display_name": .string(spec.displayName), "language": .string(spec.language),
        "interrupt_mode": .string(spec.interruptMode.rawValue), "metadata": spec.metadata,
      ],
      "resources": .object(Dictionary(resources, uniquingKeysWith: { first, _ in first })),
    ]
  }

  private static func document(of spec: Kernelspec, _ builtIn: @Sendable () -> [String: [UInt8]]) -> JSON {
    switch spec.source {
    case .builtIn: document(spec, builtIn().keys.sorted())
    case .directory(let path): document(spec, SmallFile.names(in: path).sorted())
    case .configuration: document(spec, [])
    }
  }
}

extension Resolver {
  /// For a request that names no kernelspec: what fleet.toml says, else Python, else Lua, as Jupyter's clients expect it.
  var defaultKernelspec: String { defaultKernelspec(of: catalog()) }

  func defaultKernelspec(of catalog: KernelspecCatalog) -> String {
    if let name = configuration.gateway.kernelspec { return name }
    for language in ["python", "lua"] {
      // Nothing installed for a language is no error here: the next one is asked for.
      if let spec = try? catalog.find(language: language) { return spec.name }
    }
    return catalog.all.first?.name ?? "lua"
  }
}
