// Who has which kernel for which notebook, as Jupyter's clients know it.
import FleetEngine
import JSON

/// A notebook, console or the like with its kernel.
public struct JupyterSession: Sendable, Hashable {
  /// A UUID in lower case.
  public let id: String
  /// The order of creation.
  public let serial: Int
  public let owner: String
  /// As its client names it; one session has it for each owner.
  public var path: String
  public var name: String
  /// Such as `notebook` or `console`.
  public var type: String
  public var kernel: KernelID

  /// What is kept in the registry.
  var document: JSON {
    [
      "id": .string(id), "serial": JSON(serial), "owner": .string(owner), "path": .string(path), "name": .string(name),
      "type": .string(type), "kernel": .string(kernel.uuid),
    ]
  }

  init(id: String, serial: Int, owner: String, path: String, name: String, type: String, kernel: KernelID) {
    self.id = id
    self.serial = serial
    self.owner = owner
    self.path = path
    self.name = name
    self.type = type
    self.kernel = kernel
  }

  init(document: JSON) throws(KernelDocumentError) {
    func text(_ name: String) throws(KernelDocumentError) -> String {
      guard let value = document[name]?.string else { throw KernelDocumentError(description: "\(name) is no string") }
      return value
    }
    guard let serial = document["serial"]?.int.flatMap({ Int(exactly: $0) }) else {
      throw KernelDocumentError(description: "serial is no integer")
    }
    guard let kernel = KernelID(uuid: try text("kernel")) else {
      throw KernelDocumentError(description: "kernel is no UUID")
    }
    self.init(
      id: try text("id"), serial: serial, owner: try text("owner"), path: try text("path"), name: try text("name"),
      type: try text("type"), kernel: kernel)
  }
}

/// What is to be written of sessions.
enum SessionChange: Sendable {
  case put(JupyterSession)
  case remove(String)
}

/// All sessions of a host.
struct SessionRegister: Sendable {
  /// More than people keep open; each is a few hundred bytes.
  static let most = 10_000

  struct Place: Hashable, Sendable {
    var owner: String
    var path: String
  }

  private var sessions: [String: JupyterSession] = [:]
  private var places: [Place: String] = [:]
  private var kernels: [KernelID: Set<String>] = [:]
  private var lastSerial = 0

  init(_ sessions: [JupyterSession] = []) { for session in sessions { put(session) } }

  /// The oldest first.
  var all: [JupyterSession] { sessions.values.sorted { $0.serial < $1.serial } }

  var isFull: Bool { sessions.count >= Self.most }

  subscript(id: String) -> JupyterSession? { sessions[id.lowercased()] }

  subscript(place: Place) -> JupyterSession? { places[place].flatMap { sessions[$0] } }

  func sessions(of kernel: KernelID) -> [JupyterSession] { (kernels[kernel] ?? []).compactMap { sessions[$0] } }

  mutating func nextSerial() -> Int {
    lastSerial += 1
    return lastSerial
  }

  /// A new session, or new values of one.
  mutating func put(_ session: JupyterSession) {
    remove(session.id)
    sessions[session.id] = session
    places[Place(owner: session.owner, path: session.path)] = session.id
    kernels[session.kernel, default: []].insert(session.id)
    lastSerial = max(lastSerial, session.serial)
  }

  mutating func remove(_ id: String) {
    guard let session = sessions.removeValue(forKey: id) else { return }
    let place = Place(owner: session.owner, path: session.path)
    if places[place] == id { places[place] = nil }
    kernels[session.kernel]?.remove(id)
    if kernels[session.kernel]?.isEmpty == true { kernels[session.kernel] = nil }
  }
}
