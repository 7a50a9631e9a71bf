// Which kernels a list is to show, and which page of it.
import FleetEngine
import JSON

/// What is nil or empty takes all.
public struct KernelQuery: Sendable {
  /// As people see them: one that is being retired is `stopping`.
  public var statuses: Set<Status> = []
  public var language: String?
  public var pool: String?
  public var owner: String?
  public var name: String?
  public var labels: [String: String] = [:]
  /// The last kernel of the page before: its place in the order of spawning.
  public var after = 0
  public var limit: Int?

  public init() {}

  func accepts(_ kernel: Kernel) -> Bool {
    let specification = kernel.specification
    return kernel.serial > after && (statuses.isEmpty || statuses.contains(kernel.shownStatus))
      && (language == nil || specification.language == language) && (pool == nil || specification.pool == pool)
      && (owner == nil || specification.owner == owner) && (name == nil || specification.name == name)
      && labels.allSatisfy { specification.labels[$0.key] == $0.value }
  }
}

extension FleetHost {
  /// A page of kernels in the order of spawning, and where the next begins; nil if this is the last.
  public func kernels(_ query: KernelQuery, as viewer: Viewer = .everyone) async -> (kernels: [JSON], next: Int?) {
    await whenOpen()
    await countConnections()
    await sample()
    var found = engine.kernels.values.filter { viewer.sees($0) && query.accepts($0) }
    var next: Int?
    if let limit = query.limit, found.count > limit {
      found.removeLast(found.count - limit)
      next = found.last?.serial ?? query.after
    }
    let views = found.map(view)
    return (await measures.run { views.map(\.json) }, next)
  }

  /// The kernel that a request with this key started, perhaps under an earlier host, as soon as it answers or has failed;
  /// nil if there is none.
  /// - Throws: `keyReused` if the request was another one.
  public func kernel(startedFor key: RequestKey) async throws -> JSON? {
    guard let kernel = try await started(for: key) else { return nil }
    return await document(of: kernel)
  }

  func started(for key: RequestKey) async throws -> Kernel? {
    await whenOpen()
    func find() -> Kernel? { engine.kernels.values.first { $0.specification.request?.key == key.key } }
    guard let kernel = find(), let request = kernel.specification.request,
      key.at - request.at < RepeatedRequests.lifetime.nanoseconds / 1_000_000
    else { return nil }
    guard request.body == key.body else {
      throw EngineError(
        .keyReused, "this Idempotency-Key came with another request before; take a new key for a new one")
    }
    let reader = try follow(after: nil, EventFilter(kernel: .known(kernel.id)), patience: .seconds(1))
    while let kernel = find(), kernel.status == .starting, try await reader.next() != nil {}
    return find()
  }
}
