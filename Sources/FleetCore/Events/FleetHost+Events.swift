// What happens in the host, told to those who follow its events.
import FleetEngine
import JSON

extension FleetHost {
  /// What events need to know of a kernel, also in the moment when it is gone.
  struct Activity {
    /// Nil while it is neither idle nor busy.
    var isBusy: Bool?
    var name: String?
    var owner: String
  }

  /// The event of a note; with the name and the owner that its kernel has, or had last.
  func event(_ note: Note) -> FleetEvent {
    let specification = note.kernel.flatMap { engine.kernels[$0]?.specification }
    let former = note.kernel.flatMap { activity[$0] }
    return events.append(
      FleetEvent.Kind(note.event), time: Self.wallMilliseconds(), kernel: note.kernel,
      name: specification?.name ?? former?.name, owner: specification?.owner ?? former?.owner, detail: note.detail)
  }

  /// Rows say who runs something: a kernel that was ready before and is idle is no news, one that is so again is.
  func follow(_ changes: [KernelRowChange]) {
    for change in changes {
      guard let id = KernelID(uuid: change.uuid) else { continue }
      guard let row = change.row else {
        activity[id] = nil
        events.forget(id)
        continue
      }
      let former = activity[id]
      let isBusy: Bool? =
        switch row.status {
        case "busy": true
        case "idle": false
        // What it did last is not known to have ended.
        case "unhealthy": former?.isBusy
        default: nil
        }
      activity[id] = Activity(isBusy: isBusy, name: row.name, owner: row.owner)
      guard let isBusy, isBusy != former?.isBusy ?? false else { continue }
      events.append(
        isBusy ? .busy : .idle, time: Self.wallMilliseconds(), kernel: id, name: row.name, owner: row.owner)
    }
  }

  /// What became of a request, if a policy had a say in it.
  func tellOfRequest(_ decision: Decision) {
    let owner: String?
    switch decision.question.subject {
    case .admit(let specification): owner = specification.owner
    case .route(let requirements): owner = requirements.owner
    case .scale, .alert, .restart: return
    }
    func tell(_ kind: FleetEvent.Kind, _ detail: String) {
      events.append(
        kind, time: Self.wallMilliseconds(), kernel: decision.kernel,
        name: decision.kernel.flatMap { engine.kernels[$0]?.specification.name }, owner: owner ?? "", detail: detail)
    }
    switch decision.outcome {
    case .admit(.allow): tell(.admitted, decision.reason)
    case .admit(.reject(let why)), .route(.reject(let why)): tell(.refused, why)
    case .route, .scale, .alert, .restart: break
    }
  }

  // MARK: Asking

  /// Follows events.
  /// - Throws: `kernelNotFound`, or `limit` if too many do already.
  public nonisolated func follow(
    after place: FleetEvent.ID?, _ filter: EventFilter, patience: Duration
  ) throws(EngineError) -> EventReader {
    try EventReader(self, after: place, filter, patience: patience)
  }

  /// Events that happened, oldest first: those that followed `place`, or the last ones. Of earlier runs only what the
  /// registry has.
  public func events(after place: FleetEvent.ID?, _ filter: EventFilter, limit: Int) async throws -> [FleetEvent] {
    await whenOpen()
    let database = database
    // What memory has lost of this run is in the registry, too.
    let oldest = FleetEvent.ID(run: events.run, number: events.oldest)
    guard let place else {
      let newest = events.newest(limit, before: .max, filter)
      guard newest.count < limit else { return newest }
      await writer.flush()
      let earlier = try await onDisk { () throws(StorageError) in
        try database.newestEvents(limit - newest.count, before: oldest, filter)
      }
      return earlier + newest
    }
    var found: [FleetEvent] = []
    if place < FleetEvent.ID(run: oldest.run, number: oldest.number - 1) {
      await writer.flush()
      found = try await onDisk { () throws(StorageError) in
        try database.events(after: place, before: oldest, filter, limit: limit)
      }
    }
    var number = place.run == oldest.run ? place.number : place.run < oldest.run ? 0 : Int64.max
    while found.count < limit, number < events.last.number {
      let page = events.page(after: number, filter, limit: limit - found.count)
      found += page.events
      number = page.through
    }
    return found
  }

  /// Whom a client means: a kernel that is there by any of its names, one that is gone by id or UUID.
  public func subject(_ reference: String, as viewer: Viewer = .everyone) async throws -> EventFilter.Subject {
    await whenOpen()
    if let kernel = engine.kernel(named: reference), viewer.sees(kernel) { return .known(kernel.id) }
    if let id = KernelID(uuid: reference) { return .known(id) }
    let digits = reference.dropFirst("kernel-".count)
    guard reference.hasPrefix("kernel-"), digits.utf8.count == 8, digits.allSatisfy(\.isHexDigit) else {
      throw EngineError(.kernelNotFound, "Kernel not found")
    }
    return .called(reference.lowercased())
  }
}
