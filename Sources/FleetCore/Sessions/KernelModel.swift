// A kernel as Jupyter's clients see it, and the list of them, which many clients ask for every few seconds.
import FleetEngine
import JSON
import JupyterProtocol

/// `{"id", "name", "last_activity", "execution_state", "connections"}`.
struct KernelModel: Sendable, Hashable {
  var name: String
  /// Milliseconds since 1970.
  var lastActivity: Int64
  var state: String
  /// WebSockets.
  var connections: Int

  func json(_ id: KernelID) -> JSON {
    [
      "id": .string(id.uuid), "name": .string(name), "last_activity": .string(Self.time(lastActivity)),
      "execution_state": .string(state), "connections": JSON(connections),
    ]
  }

  /// As clients parse it: `%Y-%m-%dT%H:%M:%S.%fZ`.
  static func time(_ milliseconds: Int64) -> String {
    Timestamp.text(seconds: milliseconds / 1000, microseconds: Int(milliseconds % 1000) * 1000)
  }

  /// Jupyter's word for what a kernel does.
  static func state(of kernel: Kernel) -> String {
    switch kernel.status {
    case .starting: kernel.restarts > 0 ? "restarting" : "starting"
    case .idle: "idle"
    case .busy: "busy"
    case .unhealthy: kernel.isBusy ? "busy" : "unknown"
    case .stopping: kernel.afterStop == .restart ? "restarting" : "terminating"
    case .backoff: "autorestarting"
    case .exited, .failed: "dead"
    case .unknown: "unknown"
    }
  }
}

/// Lists and models that were encoded before: what is as it was is not encoded again. Holds kernels that are there and,
/// until the next list, those that were.
struct KernelModelCache: Sendable {
  private struct Entry: Sendable {
    var model: KernelModel
    var bytes: [UInt8]
  }

  /// Counts everything that can change a model; equal stamps, equal lists.
  struct Stamp: Sendable, Hashable {
    var events: Int
    var activity: Int
    var clients: Int
  }

  private var entries: [KernelID: Entry] = [:]
  private var lists: [Viewer: (stamp: Stamp, bytes: [UInt8])] = [:]
  /// Of how many viewers lists are kept.
  private static let mostLists = 64

  /// The list as it was, if nothing has changed since.
  func list(for viewer: Viewer, _ stamp: Stamp) -> [UInt8]? {
    lists[viewer].flatMap { $0.stamp == stamp ? $0.bytes : nil }
  }

  /// The models as a JSON array.
  mutating func list(
    _ models: [(id: KernelID, model: KernelModel)], for viewer: Viewer, _ stamp: Stamp
  ) -> [UInt8] {
    let bytes = array(models)
    if lists[viewer] == nil, lists.count >= Self.mostLists { lists = [:] }
    lists[viewer] = (stamp, bytes)
    return bytes
  }

  private mutating func array(_ models: [(id: KernelID, model: KernelModel)]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(2 + models.count * 190)
    out.append(UInt8(ascii: "["))
    for (id, model) in models {
      if out.count > 1 { out.append(UInt8(ascii: ",")) }
      if let entry = entries[id], entry.model == model {
        out += entry.bytes
      } else {
        let bytes = model.json(id).encoded()
        entries[id] = Entry(model: model, bytes: bytes)
        out += bytes
      }
    }
    out.append(UInt8(ascii: "]"))
    return out
  }

  mutating func forget(_ id: KernelID) { entries[id] = nil }
}
