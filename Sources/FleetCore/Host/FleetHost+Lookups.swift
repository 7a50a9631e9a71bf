// What clients want to know. Whatever reads files or asks the system is done on a thread of its own.
import FleetEngine
import JSON

extension FleetHost {
  public func kernels(as viewer: Viewer = .everyone) async -> [JSON] {
    await whenOpen()
    await countConnections()
    await sample()
    let views = engine.kernels.values.filter(viewer.sees).map(view)
    return await measures.run { views.map(\.json) }
  }

  /// With its story.
  public func kernel(_ reference: String, as viewer: Viewer = .everyone) async throws -> JSON {
    let id = try await known(reference, as: viewer).id
    await countConnections()
    let kernel = try await known(id.uuid)
    // Its story is read after the kernel was looked at, and what happened just now may still wait to be written: so the
    // story tells at least how the kernel came to where it is.
    await writer.flush()
    let database = database
    let story = try await onDisk { () throws(StorageError) in try database.notes(of: id, last: 100) }
    var json = await document(of: kernel)
    json["events"] = .array(story.map(\.json))
    let groups = processes.groups(of: id)
    json["out_of_memory_kills"] = await measures.run { JSON(ControlGroup.outOfMemoryKills(in: groups)) }
    return json
  }

  /// The living kernel that runs as this user; nil if none does.
  public func kernel(ofUser user: UInt32) -> (id: KernelID, owner: String)? {
    engine.kernels.values.first { $0.user?.id == user && $0.process != nil }.map { ($0.id, $0.specification.owner) }
  }

  /// What a client needs to connect, in the format of connection files, with the key.
  public func connection(_ reference: String, as viewer: Viewer = .everyone) async throws -> JSON {
    files.connection(of: try await known(reference, as: viewer)).json
  }

  /// The document of registry.json.
  public var registry: JSON {
    get async {
      await whenOpen()
      return registryDocument ?? ["kernels": []]
    }
  }

  public func counts() async -> (total: Int, active: Int, dead: Int) {
    await whenOpen()
    let active = engine.kernels.values.count { $0.status.isAlive }
    return (engine.kernels.count, active, engine.kernels.count - active)
  }

  public func logLines(
    _ reference: String, as viewer: Viewer = .everyone, last count: Int
  ) async throws -> [String] {
    let path = setup.directory.logFile("\(try await known(reference, as: viewer).id)")
    return try await logs.run { () throws(SystemError) in try LogTail.last(count, of: path).lines }
  }

  /// Reads what this host wrote; a failure is told as one of storage.
  func onDisk<Value: Sendable>(
    _ work: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(EngineError) -> Value {
    do throws(StorageError) { return try await lookups.run(work) } catch {
      throw EngineError(.storage, error.description)
    }
  }

  /// Somebody else's kernel is as unknown as one that does not exist.
  func known(_ reference: String, as viewer: Viewer = .everyone) async throws -> Kernel {
    await whenOpen()
    guard let kernel = engine.kernel(named: reference), viewer.sees(kernel) else {
      throw EngineError(.kernelNotFound, "Kernel not found")
    }
    return kernel
  }

  /// The kernel as it was answered, with what it uses.
  func document(of kernel: Kernel) async -> JSON {
    await sample(kernel)
    var kernel = kernel
    kernel.sample = engine.kernels[kernel.id]?.sample ?? kernel.sample
    return view(kernel).json
  }

  /// Those that connected by themselves first, then those that are connected through the host.
  func clientNames(of id: KernelID) -> [String] { clients.names(id, except: nil) + hub.clientNames(of: id) }

  func view(_ kernel: Kernel) -> KernelView {
    KernelView(
      kernel: kernel, connectionFile: setup.directory.connectionFile("\(kernel.id)"),
      logFile: setup.directory.logFile("\(kernel.id)"), clientNames: clientNames(of: kernel.id),
      now: Self.wallMilliseconds())
  }
}

extension StoredNote {
  /// A line of `kernel.events` of docs/architecture.md.
  fileprivate var json: JSON {
    [
      "time": .string(KernelView.text(ofMilliseconds: time)), "event": .string(note.event.rawValue),
      "detail": .string(note.detail),
    ]
  }
}
