// What clients want done. The HTTP routes are thin wrappers around these.
import FleetEngine
import Foundation
import JSON
import JupyterProtocol

extension FleetHost {
  /// Returns when the kernel answers.
  public func spawn(_ request: SpawnRequest, as viewer: Viewer = .everyone) async throws -> JSON {
    try await spawnOrTake(request, as: viewer).kernel
  }

  /// The same, and whether it is one that a pool had ready.
  public func spawnOrTake(
    _ request: SpawnRequest, as viewer: Viewer = .everyone
  ) async throws -> (kernel: JSON, isTaken: Bool) {
    let request = try viewer.owned(request)
    await whenOpen()
    let specification = bounded(try await specification(of: request), for: viewer)
    let new = NewKernel(
      id: makeID(), key: Self.makeKey(), specification: specification, mayTakeWarm: mayTakeWarm(request))
    environments[new.id] = request.environment
    defer { environments[new.id] = nil }
    let kernel = try await carryOut(.spawn(new))
    return (await document(of: kernel), kernel.id != new.id)
  }

  /// The kernel that the routing policy chooses, once it answers, and the decision.
  public func find(
    _ request: SpawnRequest, as viewer: Viewer = .everyone
  ) async throws -> (kernel: JSON, decision: JSON) {
    let request = try viewer.owned(request)
    await whenOpen()
    let requirements = try request.requirements
    let specification: Result<Specification, EngineError>
    do throws(EngineError) {
      specification = .success(bounded(try await self.specification(of: request), for: viewer))
    } catch {
      specification = .failure(error)
    }
    await countConnections()
    let candidate = Candidate(
      id: makeID(), key: Self.makeKey(), specification: specification, mayTakeWarm: mayTakeWarm(request))
    environments[candidate.id] = request.environment
    defer { environments[candidate.id] = nil }
    let reply = try await send { .command($0, .find(requirements, candidate: candidate)) }
    guard case .found(let kernel, let decision) = reply else { throw Self.confused }
    return (await document(of: kernel), decision.summary(id: "\(await recorder.run)-\(decision.id)"))
  }

  /// A kernel that runs already has the host's environment and a port of its own.
  private func mayTakeWarm(_ request: SpawnRequest) -> Bool {
    request.port == nil && request.environment.allSatisfy { setup.environment[$0.key] == $0.value }
  }

  public func stop(
    _ reference: String, as viewer: Viewer = .everyone, force: Bool, timeout: Duration
  ) async throws -> JSON {
    try await command(reference, viewer) { .stop($0, force: force, timeout: timeout, by: .client(viewer.owner)) }
  }

  /// Stops all kernels at once; tells which ended, and of the others why not.
  public nonisolated func stopAll(force: Bool, timeout: Duration) async -> JSON {
    await whenOpen()
    let ids = await Array(engine.kernels.keys)
    return await withTaskGroup(of: (KernelID, (any Error)?).self) { group in
      for id in ids {
        group.addTask {
          do {
            _ = try await self.stop(id.uuid, force: force, timeout: timeout)
            return (id, nil)
          } catch let error as EngineError where error.code == .kernelNotFound {
            // Somebody else was faster.
            return (id, nil)
          } catch { return (id, error) }
        }
      }
      let outcomes = await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }
      return [
        "stopped": .array(outcomes.filter { $0.1 == nil }.map { .string("\($0.0)") }),
        "failed": .array(
          outcomes.compactMap { id, error in
            error.map { ["id": .string("\(id)"), "error": .string(($0 as? EngineError)?.message ?? "\($0)")] }
          }),
      ]
    }
  }

  public func restart(_ reference: String, as viewer: Viewer = .everyone) async throws -> JSON {
    try await command(reference, viewer) { .restart($0) }
  }

  public func interrupt(_ reference: String, as viewer: Viewer = .everyone) async throws -> JSON {
    let (kernel, isAnswered) = try await deliverInterrupt(try await known(reference, as: viewer).id)
    guard isAnswered else {
      let (title, patience) = (kernel.specification.name ?? "\(kernel.id)", Wire.patience.components.seconds)
      throw EngineError(
        .timeout,
        "\(title) did not answer the interrupt request within \(patience) s: it hangs, or somebody stopped it, or it "
          + "knows no interrupts; its code may go on. fleet restart \(title) ends it")
    }
    return await document(of: kernel)
  }

  /// Whoever is told of his interrupt may send the next cell, which is not meant by it: so the signal or the request
  /// has reached the kernel by then.
  /// - Returns: `isAnswered` is false if it takes requests and did not answer this one.
  func deliverInterrupt(_ id: KernelID) async throws -> (kernel: Kernel, isAnswered: Bool) {
    let kernel = try await carryOut(.interrupt(id))
    await interrupts.run {}
    await processes.interruptIsOut(kernel)
    return (kernel, await wire.interruptHasArrived(kernel))
  }

  private func command(
    _ reference: String, _ viewer: Viewer, _ make: (KernelID) -> Command
  ) async throws -> JSON {
    let id = try await known(reference, as: viewer).id
    return await document(of: try await carryOut(make(id)))
  }

  /// A command whose answer is a kernel.
  private func carryOut(_ command: Command) async throws -> Kernel {
    guard case .kernel(let kernel) = try await send({ .command($0, command) }) else { throw Self.confused }
    return kernel
  }

  /// Removes the rows of dead kernels, and files that belong to none.
  public func cleanup() async throws -> JSON {
    await whenOpen()
    let files = files
    let before = try await onDisk { () throws(StorageError) in try files.inventory() }
    guard case .removed(let kernels) = try await send({ .command($0, .cleanup) }) else { throw Self.confused }
    // Later than the inventory: what is started meanwhile has a row by now. Of kernels that are gone the disk may not know
    // yet; their files go when it does.
    let known = Set((engine.kernels.keys + kernels.map(\.id) + departed.keys).map(\.description))
    let stale = await lookups.run { files.removeStale(before, known: known) }
    let dead = kernels.map { (id: "\($0.id)", files: before["\($0.id)"] ?? []) }
    return [
      "removed": .array(
        (dead + stale).map { ["id": .string($0.id), "files": .array($0.files.map(JSON.string))] })
    ]
  }

  /// A client says its name; returns the names of the others.
  public func registerClient(
    _ reference: String, as viewer: Viewer = .everyone, name: String, pid: Int32
  ) async throws -> JSON {
    let id = try await known(reference, as: viewer).id
    clients.add(id, name: name, pid: pid)
    registryChanged()
    return clientDocument(id, except: pid)
  }

  public func removeClient(
    _ reference: String, as viewer: Viewer = .everyone, pid: Int32
  ) async throws -> JSON {
    let id = try await known(reference, as: viewer).id
    clients.remove(id, pid: pid)
    registryChanged()
    return clientDocument(id, except: pid)
  }

  private func clientDocument(_ id: KernelID, except pid: Int32) -> JSON {
    let others = clients.names(id, except: pid)
    return ["others": JSON(others.count), "clients": .array(others.map(JSON.string))]
  }

  private static var confused: EngineError { EngineError(.internal, "the engine gave an answer of the wrong kind") }

  private func specification(of request: SpawnRequest) async throws(EngineError) -> Specification {
    let resolver = resolver
    return try await lookups.run { () throws(EngineError) in
      var specification = try resolver.specification(of: request)
      specification.request = request.key
      return specification
    }
  }

  /// A kernel's own limits bind what it asks for: it gets no more by asking than it could take.
  func bounded(_ asked: Specification, for viewer: Viewer) -> Specification {
    guard let asker = viewer.kernel.flatMap({ engine.kernels[$0] }) else { return asked }
    var (bounded, own) = (asked, asker.specification.limits)
    let nice = max(own.nice ?? 0, 0)
    own.nice = asked.limits.nice.map { max($0, nice) } ?? own.nice
    bounded.limits = Admission.impose(own, on: asked.limits).limits
    return bounded
  }

  /// The id that people see is only a part of the UUID, and names files: no two kernels may share it.
  func makeID() -> KernelID {
    while true {
      guard let id = KernelID(uuid: UUID().uuidString) else { preconditionFailure("UUID() is a UUID") }
      if isFree(id) { return id }
    }
  }

  func isFree(_ id: KernelID) -> Bool {
    // Also of those that are on their way: a policy may be thinking about them.
    let ids = [Array(engine.kernels.keys), Array(departed.keys), Array(environments.keys)].joined()
    return !ids.contains { $0.description == id.description }
  }

  /// 256 bits from the system's generator, in hexadecimal.
  static func makeKey() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
