// Whose request an answer belongs to: kernels see one client, and the host tells its clients apart again.
import DequeModule
import JupyterProtocol

/// Requests of one kernel that are under way, bounded by forgetting the oldest.
struct RequestRoutes<Owner: AnyObject> {
  private struct Request {
    var owner: Owner
    /// Of executions.
    var header: [UInt8]?
    /// The two come through different sockets, in either order; with both there is nothing more to expect.
    var isAnswered: Bool
    var isDone = false
  }

  private let capacity: Int
  private var requests: [String: Request] = [:]
  /// Ids in the order of their coming; those that are done stay until it is their turn.
  private var order: Deque<String> = []
  /// Executions under way of each owner.
  private var executions: [ObjectIdentifier: Int] = [:]
  /// Who last spoke as this session: for answers to what is forgotten, or was never a request.
  private var sessions: [String: Owner] = [:]

  init(capacity: Int) { self.capacity = capacity }

  mutating func add(_ message: RawMessage, from owner: Owner) {
    let fields = message.fields
    if sessions.count < capacity || sessions[fields.session] != nil { sessions[fields.session] = owner }
    // An answer to the kernel's question belongs to the execution that asked.
    guard message.channel != .stdin else { return }
    finish(fields.id)
    let isExecution = fields.type == "execute_request"
    requests[fields.id] = Request(
      owner: owner, header: isExecution ? message.header : nil, isAnswered: fields.type.hasPrefix("comm_"))
    order.append(fields.id)
    if isExecution { executions[ObjectIdentifier(owner), default: 0] += 1 }
    while order.count > capacity, let oldest = order.popFirst() { finish(oldest) }
  }

  /// Whom an answer on shell, control or stdin is for; nil if that is unknown.
  mutating func owner(ofAnswer message: RawMessage) -> Owner? {
    guard let parent = message.parentFields else { return nil }
    guard let request = requests[parent.id] else { return sessions[parent.session] }
    if message.channel == .stdin { return request.owner }
    requests[parent.id]?.isAnswered = true
    if request.isDone { finish(parent.id) }
    return request.owner
  }

  /// The kernel is idle again after a request.
  mutating func completed(_ id: String) {
    requests[id]?.isDone = true
    if requests[id]?.isAnswered == true { finish(id) }
  }

  private mutating func finish(_ id: String) {
    guard let request = requests.removeValue(forKey: id), request.header != nil else { return }
    executions[ObjectIdentifier(request.owner), default: 1] -= 1
  }

  func isExecuting(_ owner: Owner) -> Bool { executions[ObjectIdentifier(owner), default: 0] > 0 }

  mutating func forget(_ owner: Owner) {
    requests = requests.filter { $0.value.owner !== owner }
    sessions = sessions.filter { $0.value !== owner }
    executions[ObjectIdentifier(owner)] = nil
  }

  /// An execution that the kernel did not live to finish.
  struct Abandoned {
    var owner: Owner
    var header: [UInt8]
    var isAnswered: Bool
    var isDone: Bool
  }

  /// The kernel is gone, and nothing of it will be answered.
  /// - Returns: executions that were under way, in the order of their coming.
  mutating func removeAll() -> [Abandoned] {
    defer { (requests, order, executions) = ([:], [], [:]) }
    return order.compactMap { id in
      // An id that was used twice stands there twice.
      guard let request = requests.removeValue(forKey: id), let header = request.header else { return nil }
      return Abandoned(owner: request.owner, header: header, isAnswered: request.isAnswered, isDone: request.isDone)
    }
  }
}
