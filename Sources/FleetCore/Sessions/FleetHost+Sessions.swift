// Jupyter's sessions: made with a kernel, moved, ended; they outlive the host, and end with their kernels.
import FleetEngine
import Foundation
import JSON

/// The body of `POST /api/sessions` and `PATCH /api/sessions/ID`; nil is "not said".
public struct SessionRequest: Sendable {
  public var path: String?
  public var name: String?
  public var type: String?
  public var kernelID: String?
  public var kernelspec: String?
  public var environment: [String: String] = [:]

  /// - Throws: `badRequest` that names the member.
  public init(json: JSON) throws(EngineError) {
    guard case .object = json else {
      throw EngineError(.badRequest, "the body must be a JSON object, not \(json.kind)")
    }
    path = try json.text("path", most: 4096)
    name = try json.text("name", most: 1024)
    type = try json.text("type", most: 64)
    if let notebook = json["notebook"], path == nil {
      // As clients of the classic notebook said it.
      path = try notebook.text("path", most: 4096)
      type = type ?? "notebook"
    }
    guard let kernel = json["kernel"], !kernel.isNull else { return }
    guard case .object = kernel else {
      throw EngineError(.badRequest, "'kernel' must be an object, not \(kernel.kind)")
    }
    kernelID = try kernel.text("id", most: 64)
    kernelspec = try kernel.text("name", most: 256)
    environment = try JupyterStart(json: ["env": kernel["env"] ?? json["env"] ?? .null]).environment
  }
}

extension FleetHost {
  // MARK: Looking

  /// The document of `GET /api/sessions`.
  public func jupyterSessions(as viewer: Viewer) async -> JSON {
    await whenOpen()
    return .array(sessions.all.filter { viewer.sees(owner: $0.owner) }.compactMap(document))
  }

  /// The document of `GET /api/sessions/ID`.
  public func jupyterSession(_ id: String, as viewer: Viewer) async throws -> JSON {
    try described(try await session(id, viewer))
  }

  private func session(_ id: String, _ viewer: Viewer) async throws -> JupyterSession {
    await whenOpen()
    guard let session = sessions[id], viewer.sees(owner: session.owner) else {
      throw EngineError(.sessionNotFound, "Session not found: \(id.prefix(64))")
    }
    return session
  }

  /// Nil while its kernel is just going.
  private func document(of session: JupyterSession) -> JSON? {
    guard let kernel = engine.kernels[session.kernel] else { return nil }
    var document: JSON = [
      "id": .string(session.id), "path": .string(session.path), "name": .string(session.name),
      "type": .string(session.type), "kernel": model(of: kernel).json(kernel.id),
    ]
    if session.type == "notebook" {
      document["notebook"] = ["path": .string(session.path), "name": .string(session.name)]
    }
    return document
  }

  private func described(_ session: JupyterSession) throws(EngineError) -> JSON {
    guard let document = document(of: session) else {
      throw EngineError(.sessionNotFound, "Session not found: \(session.id): its kernel has ended")
    }
    return document
  }

  // MARK: Making

  /// The document of `POST /api/sessions`: the session of this path, if there is one whose kernel lives; else a new one,
  /// with the kernel that was named or one that is started. Of requests for one path at a time one does so.
  public func jupyterMakeSession(_ request: SessionRequest, as viewer: Viewer) async throws -> JSON {
    await whenOpen()
    guard let path = request.path else { throw EngineError(.badRequest, "'path' is missing; name the notebook") }
    guard let type = request.type else { throw EngineError(.badRequest, "'type' is missing; write \"notebook\"") }
    let place = SessionRegister.Place(owner: viewer.owner ?? "", path: path)
    await takeTurn(at: place)
    defer { endTurn(at: place) }
    let known = sessions[place]
    if let known, let kernel = engine.kernels[known.kernel], isWorthKeeping(kernel) { return try described(known) }
    guard known != nil || !sessions.isFull else {
      throw EngineError(.limit, "there are \(SessionRegister.most) sessions; end some of them")
    }
    let (kernel, isNew) = try await kernel(for: request, path, viewer)
    var session =
      known
      ?? JupyterSession(
        id: UUID().uuidString.lowercased(), serial: sessions.nextSerial(), owner: place.owner, path: path, name: "",
        type: type, kernel: kernel.id)
    session.kernel = kernel.id
    session.type = type
    session.name = request.name ?? session.name
    do throws(EngineError) { try await keep(session) } catch {
      if isNew { await abandon(kernel.id) }
      throw error
    }
    return try described(session)
  }

  /// Of requests for one path at a time one does something.
  private func takeTurn(at place: SessionRegister.Place) async {
    while sessionsUnderWay[place] != nil {
      await withCheckedContinuation { sessionsUnderWay[place]?.append($0) }
    }
    sessionsUnderWay[place] = []
  }

  private func endTurn(at place: SessionRegister.Place) {
    sessionsUnderWay.removeValue(forKey: place)?.forEach { $0.resume() }
  }

  /// The session, and the turn at its path and at `path`, which the caller ends.
  private func sessionInTurn(
    _ id: String, _ viewer: Viewer, path: String? = nil
  ) async throws -> (session: JupyterSession, places: [SessionRegister.Place]) {
    while true {
      let session = try await session(id, viewer)
      // In the same order for everybody, so that no two wait for each other.
      let places = Set([session.path, path ?? session.path]).sorted().map {
        SessionRegister.Place(owner: session.owner, path: $0)
      }
      for place in places { await takeTurn(at: place) }
      // Meanwhile it may have ended, or moved.
      if let present = sessions[id], present.path == session.path { return (present, places) }
      for place in places { endTurn(at: place) }
    }
  }

  /// A kernel that was started for a session which did not come about: nobody would ever know of it.
  private func abandon(_ id: KernelID) async {
    _ = try? await send { .command($0, .stop(id, force: false, timeout: .seconds(5))) }
  }

  /// A kernel without a process that will not come back by itself is no help to a notebook.
  private func isWorthKeeping(_ kernel: Kernel) -> Bool {
    kernel.status != .exited && kernel.status != .failed && !kernel.isDraining && kernel.status != .stopping
  }

  private func kernel(
    for request: SessionRequest, _ path: String, _ viewer: Viewer
  ) async throws -> (Kernel, isNew: Bool) {
    if let id = request.kernelID { return (try await jupyterKernel(named: id, as: viewer), false) }
    var start = JupyterStart()
    start.kernelspec = request.kernelspec
    start.environment = request.environment
    start.path = path
    start.session = "jupyter:\(viewer.owner ?? ""):\(path)"
    let before = engine.totalSpawned
    let kernel = try await startForJupyter(start, as: viewer)
    return (kernel, kernel.serial > before)
  }

  // MARK: Changing

  /// The document of `PATCH /api/sessions/ID`: another path, name, type or kernel. The kernel that it had ends if it was
  /// Jupyter's and no other session has it.
  public func jupyterChangeSession(
    _ id: String, _ request: SessionRequest, as viewer: Viewer
  ) async throws -> JSON {
    let (before, places) = try await sessionInTurn(id, viewer, path: request.path)
    defer { places.forEach(endTurn) }
    var changed = before
    changed.path = request.path ?? changed.path
    changed.name = request.name ?? changed.name
    changed.type = request.type ?? changed.type
    if let other = sessions[.init(owner: changed.owner, path: changed.path)], other.id != changed.id {
      throw EngineError(.nameTaken, "'\(changed.path)' has a session already: \(other.id)")
    }
    var isNew = false
    if request.kernelID != nil || request.kernelspec != nil {
      do {
        let found = try await kernel(for: request, changed.path, viewer)
        (changed.kernel, isNew) = (found.0.id, found.isNew)
      } catch let error as EngineError where error.code == .kernelNotFound {
        // As Jupyter Server says it: the session is there, what was said of it is wrong.
        throw EngineError(.badRequest, "No such kernel: \(request.kernelID ?? "")")
      }
    }
    do throws(EngineError) {
      // It goes with the row of its kernel, which anybody may stop.
      guard sessions[before.id] != nil else { throw EngineError(.sessionNotFound, "Session not found: \(id)") }
      try await keep(changed)
    } catch {
      if isNew { await abandon(changed.kernel) }
      throw error
    }
    if changed.kernel != before.kernel { await release(before.kernel) }
    return try described(changed)
  }

  /// A kernel that a session left.
  private func release(_ id: KernelID) async {
    guard sessions.sessions(of: id).isEmpty, let kernel = engine.kernels[id],
      kernel.specification.labels[Culling.label.name] == Culling.label.value
    else { return }
    do { _ = try await send { .command($0, .stop(id, force: false, timeout: .seconds(5))) } } catch {
      setup.log.warning("\(id), which a session left, was not stopped: \(error)")
    }
  }

  /// The session ends, and its kernel unless another session has it.
  public func jupyterEndSession(_ id: String, as viewer: Viewer) async throws {
    let (session, places) = try await sessionInTurn(id, viewer)
    defer { places.forEach(endTurn) }
    let isShared = sessions.sessions(of: session.kernel).contains { $0.id != session.id }
    if !isShared, engine.kernels[session.kernel] != nil {
      // It goes with the row of its kernel.
      do { _ = try await send { .command($0, .stop(session.kernel, force: false, timeout: .seconds(5))) } } catch let
        error as EngineError where error.code == .kernelNotFound
      {
        // Somebody else was faster.
      }
    }
    guard sessions[session.id] != nil else { return }
    try await write([.remove(session.id)])
    sessions.remove(session.id)
  }

  // MARK: Keeping

  /// It is known once it is on the disk.
  private func keep(_ session: JupyterSession) async throws(EngineError) {
    guard engine.kernels[session.kernel] != nil else {
      throw EngineError(.kernelNotFound, "Kernel does not exist: \(session.kernel.uuid)")
    }
    try await write([.put(session)])
    guard engine.kernels[session.kernel] != nil else {
      // Its row went while the session was written: the next host would drop it.
      throw EngineError(.kernelNotFound, "Kernel does not exist: \(session.kernel.uuid)")
    }
    sessions.put(session)
  }

  private func write(_ changes: [SessionChange]) async throws(EngineError) {
    let writer = writer
    let result: Result<Void, StorageError> = await withCheckedContinuation { continuation in
      writer.submit(
        RegistryWriter.Work(sessions: changes, durable: true) { continuation.resume(returning: $0) })
    }
    do throws(StorageError) { try result.get() } catch { throw EngineError(.storage, error.description) }
  }

  /// Sessions of kernels whose rows go: they go with them, in the same transaction.
  func endSessions(with changes: [RowChange]) -> [SessionChange] {
    let gone = changes.flatMap { change -> [JupyterSession] in
      if case .remove(let id) = change { sessions.sessions(of: id) } else { [] }
    }
    for session in gone { sessions.remove(session.id) }
    return gone.map { .remove($0.id) }
  }

  /// Those of kernels that are not there any more are forgotten.
  func recover(_ stored: [JupyterSession], unreadable: [String]) {
    for problem in unreadable {
      setup.log.error("a session of Jupyter cannot be read and was set aside: \(problem)")
    }
    sessions = SessionRegister(stored.filter { engine.kernels[$0.kernel] != nil })
    let gone = stored.filter { engine.kernels[$0.kernel] == nil }
    if !gone.isEmpty { writer.submit(RegistryWriter.Work(sessions: gone.map { .remove($0.id) })) }
  }
}
