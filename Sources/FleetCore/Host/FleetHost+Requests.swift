// What clients ask of the host. The HTTP routes are thin wrappers around these.
import FleetEngine
import Foundation
import JSON

extension FleetHost {
  /// Returns when the kernel answers.
  public func spawn(_ request: SpawnRequest) async throws -> JSON {
    let new = try makeKernel(request)
    environments[new.id] = request.environment
    defer { environments[new.id] = nil }
    guard case .kernel(let kernel) = try await send({ .command($0, .spawn(new)) }) else { throw Self.confused }
    return view(kernel).json
  }

  /// The kernel that the routing policy chooses, once it answers, and the decision.
  public func find(_ request: SpawnRequest) async throws -> (kernel: JSON, decision: JSON) {
    let requirements = try request.requirements
    let candidate = candidate(for: request)
    environments[candidate.id] = request.environment
    defer { environments[candidate.id] = nil }
    countConnections()
    let reply = try await send { .command($0, .find(requirements, candidate: candidate)) }
    guard case .found(let kernel, let decision) = reply else { throw Self.confused }
    return (view(kernel).json, decision.json)
  }

  public func stop(_ reference: String, force: Bool, timeout: Duration) async throws -> JSON {
    let id = try known(reference).id
    guard case .kernel(let kernel) = try await send({ .command($0, .stop(id, force: force, timeout: timeout)) }) else {
      throw Self.confused
    }
    return view(kernel).json
  }

  /// Stops all kernels at once; returns the ids of those that ended.
  public nonisolated func stopAll(force: Bool, timeout: Duration) async -> [String] {
    let ids = await Array(engine.kernels.keys)
    return await withTaskGroup(of: String?.self) { group in
      for id in ids {
        // A kernel that cannot be stopped is not among those that were.
        group.addTask { (try? await self.stop(id.uuid, force: force, timeout: timeout)).map { _ in "\(id)" } }
      }
      return await group.reduce(into: []) { if let id = $1 { $0.append(id) } }.sorted()
    }
  }

  public func restart(_ reference: String) async throws -> JSON {
    let id = try known(reference).id
    guard case .kernel(let kernel) = try await send({ .command($0, .restart(id)) }) else { throw Self.confused }
    return view(kernel).json
  }

  public func interrupt(_ reference: String) async throws -> JSON {
    let id = try known(reference).id
    guard case .kernel(let kernel) = try await send({ .command($0, .interrupt(id)) }) else { throw Self.confused }
    return view(kernel).json
  }

  /// Removes the rows of dead kernels, and files that belong to none.
  public func cleanup() async throws -> JSON {
    guard case .removed(let kernels) = try await send({ .command($0, .cleanup) }) else { throw Self.confused }
    var removed = kernels.map { kernel in
      JSON.object(["id": .string("\(kernel.id)"), "files": [.string(setup.directory.logFile("\(kernel.id)"))]])
    }
    let stale = files.removeStale(known: Set(engine.kernels.keys.map(\.description)))
    removed += stale.map { ["id": .string($0.id), "files": .array($0.files.map(JSON.string))] }
    return ["removed": .array(removed)]
  }

  public func kernels() async -> [JSON] {
    countConnections()
    return engine.kernels.values.map { view($0).json }
  }

  /// With its story.
  public func kernel(_ reference: String) async throws -> JSON {
    let id = try known(reference).id
    countConnections()
    var json = view(try known(id.uuid)).json
    let story = try database.notes(of: id, last: 100).map { entry -> JSON in
      [
        "time": .string(KernelView.text(ofMilliseconds: entry.time)), "event": .string(entry.note.event.rawValue),
        "detail": .string(entry.note.detail),
      ]
    }
    json["events"] = .array(story)
    return json
  }

  /// The document of registry.json.
  public var registry: JSON {
    [
      "kernels": .array(engine.kernels.values.map { .object(view($0, measured: false).durable) }),
      "next_port": JSON(engine.ports.next(now: now)), "total_spawned": JSON(engine.totalSpawned),
    ]
  }

  public func counts() -> (total: Int, active: Int, dead: Int) {
    let active = engine.kernels.values.count { $0.status.isAlive }
    return (engine.kernels.count, active, engine.kernels.count - active)
  }

  public func logLines(_ reference: String, last count: Int) throws -> [String] {
    try LogTail.last(count, of: setup.directory.logFile("\(try known(reference).id)")).lines
  }

  /// A client says its name; returns the names of the others.
  public func registerClient(_ reference: String, name: String, pid: Int32) async throws -> JSON {
    let id = try known(reference).id
    clients.add(id, name: name, pid: pid)
    return clientDocument(id, except: pid)
  }

  public func removeClient(_ reference: String, pid: Int32) throws -> JSON {
    let id = try known(reference).id
    clients.remove(id, pid: pid)
    return clientDocument(id, except: pid)
  }

  private func clientDocument(_ id: KernelID, except pid: Int32) -> JSON {
    let others = clients.names(id, except: pid)
    return ["others": JSON(others.count), "clients": .array(others.map(JSON.string))]
  }

  private static var confused: EngineError { EngineError(.internal, "the engine gave an answer of the wrong kind") }

  private func makeKernel(_ request: SpawnRequest) throws -> NewKernel {
    NewKernel(id: Self.makeID(), key: Self.makeKey(), specification: try resolver.specification(of: request))
  }

  private func candidate(for request: SpawnRequest) -> Candidate {
    let specification: Result<Specification, EngineError>
    do throws(EngineError) { specification = .success(try resolver.specification(of: request)) } catch {
      specification = .failure(error)
    }
    return Candidate(id: Self.makeID(), key: Self.makeKey(), specification: specification)
  }

  private static func makeID() -> KernelID {
    guard let id = KernelID(uuid: UUID().uuidString) else { preconditionFailure("UUID() is a UUID") }
    return id
  }

  /// 256 bits from the system's generator, in hexadecimal.
  private static func makeKey() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private func known(_ reference: String) throws -> Kernel {
    guard let kernel = engine.kernel(named: reference) else {
      throw EngineError(.kernelNotFound, "Kernel not found")
    }
    return kernel
  }

  private func view(_ kernel: Kernel, measured: Bool = true) -> KernelView {
    let sample = measured ? kernel.process.flatMap { usage.sample($0.kernel) } : nil
    return KernelView(
      kernel: kernel, connectionFile: setup.directory.connectionFile("\(kernel.id)"),
      logFile: setup.directory.logFile("\(kernel.id)"), clientNames: clients.names(kernel.id, except: nil),
      memory: sample?.memory, cpu: sample?.cpu, now: Self.wallMilliseconds())
  }

  /// Established clients are counted when somebody looks, never by polling.
  private func countConnections() {
    let shells = engine.kernels.values.filter(\.status.isAlive).map { ($0.port, $0.id) }
    guard !shells.isEmpty else { return }
    do throws(SystemError) {
      handle(.connections(try usage.connections(Dictionary(shells, uniquingKeysWith: { first, _ in first }))))
    } catch {
      setup.log.warning("clients cannot be counted: \(error)")
    }
  }
}
