// Kernels for Jupyter's clients: the same kernels as everybody's, in Jupyter's words.
import FleetConfiguration
import FleetEngine
import JSON

extension FleetHost {
  /// What Jupyter Server's gateway client sets for gateways rather than for kernels: a kernel that runs already serves
  /// as well without them.
  private static let informational: Set<String> = [
    "KERNEL_USERNAME", "KERNEL_WORKING_DIR", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_LANGUAGE", "KERNEL_ID", "KERNEL_GATEWAY",
  ]

  // MARK: Kernels

  /// The document of `GET /api/kernels`, encoded: all kernels that the viewer sees, but for those that pools hold ready
  /// and nobody ever had.
  public func jupyterKernels(as viewer: Viewer) async -> [UInt8] {
    await whenOpen()
    // Read first: what changes from here on makes it old.
    let stamp = KernelModelCache.Stamp(
      events: eventsHandled, activity: wire.activity.version.load(ordering: .acquiring),
      clients: hub.version.load(ordering: .acquiring))
    if let list = models.list(for: viewer, stamp) { return list }
    let shown = engine.kernels.values.filter { viewer.sees($0) && !isStock($0) }
    return models.list(shown.map { ($0.id, model(of: $0)) }, for: viewer, stamp)
  }

  private func isStock(_ kernel: Kernel) -> Bool {
    kernel.specification.pool != nil && !kernel.isClaimed && !kernel.wasUsed
  }

  /// The document of `GET /api/kernels/ID`.
  public func jupyterKernel(_ id: String, as viewer: Viewer) async throws -> JSON {
    let kernel = try await jupyterKernel(named: id, as: viewer)
    return model(of: kernel).json(kernel.id)
  }

  /// A UUID, and nothing else that `known` understands: names and ports are no ids for Jupyter.
  func jupyterKernel(named id: String, as viewer: Viewer) async throws -> Kernel {
    guard KernelID(uuid: id) != nil else {
      throw EngineError(.kernelNotFound, "Kernel does not exist: \(id.prefix(64)); its id is a UUID")
    }
    do { return try await known(id, as: viewer) } catch let error as EngineError where error.code == .kernelNotFound {
      throw EngineError(.kernelNotFound, "Kernel does not exist: \(id)")
    }
  }

  func model(of kernel: Kernel) -> KernelModel {
    let activity = activity(of: kernel.id)
    return KernelModel(
      name: kernel.specification.kernelspec, lastActivity: activity.lastActivity,
      state: KernelModel.state(of: kernel), connections: activity.connections)
  }

  /// The document of `GET /api/status`.
  public func jupyterStatus(as viewer: Viewer) async -> JSON {
    await whenOpen()
    let models = engine.kernels.values.filter { viewer.sees($0) && !isStock($0) }.map(model)
    return [
      "connections": JSON(models.reduce(0) { $0 + $1.connections }), "kernels": JSON(models.count),
      "last_activity": .string(KernelModel.time(models.map(\.lastActivity).max() ?? startedAt)),
      "started": .string(KernelModel.time(startedAt)),
    ]
  }

  /// The kernel restarts with its id, and is answered when it is ready.
  public func jupyterRestart(_ id: String, as viewer: Viewer) async throws -> JSON {
    let restarted = try await restart(try await jupyterKernel(named: id, as: viewer))
    return model(of: restarted).json(restarted.id)
  }

  public func jupyterInterrupt(_ id: String, as viewer: Viewer) async throws {
    _ = try await deliverInterrupt(try await jupyterKernel(named: id, as: viewer).id)
  }

  public func jupyterStop(_ id: String, as viewer: Viewer) async throws {
    let kernel = try await jupyterKernel(named: id, as: viewer)
    _ = try await send { .command($0, .stop(kernel.id, force: false, timeout: .seconds(5))) }
  }

  // MARK: Starting

  /// The document of `POST /api/kernels`: a kernel that answers. A new one, one that a pool has ready, or, with
  /// `[gateway] share`, the one that the route policy chooses.
  public func jupyterStart(_ wanted: JupyterStart, as viewer: Viewer) async throws -> JSON {
    let kernel = try await startForJupyter(wanted, as: viewer)
    return model(of: kernel).json(kernel.id)
  }

  /// The model of the kernel that a request with this key started, perhaps under an earlier host.
  public func jupyterKernel(startedFor key: RequestKey) async throws -> JSON? {
    try await started(for: key).map { model(of: $0).json($0.id) }
  }

  func startForJupyter(_ wanted: JupyterStart, as viewer: Viewer) async throws -> Kernel {
    await whenOpen()
    if let text = wanted.kernelID, let kernel = try there(text, as: viewer) { return try await alive(kernel) }
    var request = try viewer.owned(SpawnRequest())
    request.kernelspec = wanted.kernelspec
    request.session = wanted.session
    let resolver = resolver
    let gateway = setup.configuration.gateway
    let (asked, rules) = (request, environmentRules)
    let (kernelspec, specification, sorted) = try await lookups.run { () throws(EngineError) in
      var request = asked
      request.kernelspec = request.kernelspec ?? resolver.defaultKernelspec
      var specification = try resolver.specification(of: request)
      let sorted = rules.sort(wanted.environment, named: resolver.variables(of: request))
      specification.labels[Culling.label.name] = Culling.label.value
      specification.request = wanted.key
      specification.workingDirectory = Self.workingDirectory(sorted.allowed, wanted.path, gateway.root)
      return (request.kernelspec, specification, sorted)
    }
    if !sorted.refused.isEmpty {
      setup.log.warning(
        "a Jupyter client may not set \(sorted.refused.joined(separator: ", ")); see [gateway] env in fleet.toml")
    }
    request.kernelspec = kernelspec
    let id = try wanted.kernelID.map(newID) ?? makeID()
    let mayTakeWarm =
      wanted.kernelID == nil
      && sorted.allowed.allSatisfy {
        Self.informational.contains($0.key) || setup.environment[$0.key] == $0.value
      }
    environments[id] = sorted.allowed
    defer { environments[id] = nil }
    let new = NewKernel(
      id: id, key: Self.makeKey(), specification: bounded(specification, for: viewer), mayTakeWarm: mayTakeWarm)
    return try await gateway.share
      ? share(new, request, path: wanted.path) : spawn(new)
  }

  private func spawn(_ new: NewKernel) async throws -> Kernel {
    guard case .kernel(let kernel) = try await send({ .command($0, .spawn(new)) }) else {
      throw EngineError(.internal, "the engine gave an answer of the wrong kind")
    }
    return kernel
  }

  /// The route policy decides; what it is asked tells it that Jupyter asks, and for which notebook.
  private func share(_ new: NewKernel, _ request: SpawnRequest, path: String?) async throws -> Kernel {
    var requirements = try request.requirements
    requirements.source = Culling.label.value
    requirements.path = path
    await countConnections()
    let candidate = Candidate(
      id: new.id, key: new.key, specification: .success(new.specification), mayTakeWarm: new.mayTakeWarm)
    let asked = requirements
    guard case .found(let kernel, _) = try await send({ .command($0, .find(asked, candidate: candidate)) }) else {
      throw EngineError(.internal, "the engine gave an answer of the wrong kind")
    }
    return kernel
  }

  /// The kernel with this UUID, if the viewer has it.
  private func there(_ text: String, as viewer: Viewer) throws(EngineError) -> Kernel? {
    guard let id = KernelID(uuid: text) else {
      throw EngineError(.badRequest, "'kernel_id' must be a UUID, such as 1a2b3c4d-0000-4000-8000-000000000000")
    }
    guard let kernel = engine.kernels[id], viewer.sees(kernel) else { return nil }
    return kernel
  }

  /// Who asks for a kernel that has ended wants it back.
  private func alive(_ kernel: Kernel) async throws -> Kernel {
    kernel.status == .exited || kernel.status == .failed ? try await restart(kernel) : kernel
  }

  private func restart(_ kernel: Kernel) async throws -> Kernel {
    guard case .kernel(let restarted) = try await send({ .command($0, .restart(kernel.id)) }) else {
      throw EngineError(.internal, "the engine gave an answer of the wrong kind")
    }
    return restarted
  }

  /// An id that the client chose. Who has it already is not told.
  private func newID(_ text: String) throws(EngineError) -> KernelID {
    guard let id = KernelID(uuid: text), isFree(id) else {
      throw EngineError(.nameTaken, "the kernel_id \(text) cannot be given to a new kernel; leave it out")
    }
    return id
  }

  /// Where the client says that its notebook is; nil if it says nothing, or there is no such directory on this machine.
  private static func workingDirectory(
    _ environment: [String: String], _ path: String?, _ root: String?
  ) -> String? {
    if let directory = environment["KERNEL_WORKING_DIR"] {
      return directory.hasPrefix("/") && FilePath.isDirectory(directory) ? directory : nil
    }
    guard let root, let path, !path.split(separator: "/").contains("..") else { return nil }
    let place = FilePath.resolve(String(path.drop { $0 == "/" }), against: root)
    if FilePath.isDirectory(place) { return place }
    let parent = FilePath.directory(of: place)
    return FilePath.isDirectory(parent) ? parent : root
  }
}
