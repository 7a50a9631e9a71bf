// The names that clients of kernels gave themselves, for as long as their processes live.
import FleetEngine

struct ClientRegister: Sendable {
  private struct Client: Sendable {
    var name: String
    /// Since the boot: together with the pid it names a process. Nil if the client cannot be seen from here.
    var startTicks: UInt64?
  }

  private var clients: [KernelID: [Int32: Client]] = [:]

  mutating func add(_ id: KernelID, name: String, pid: Int32) {
    // Who died without saying goodbye makes room.
    clients[id] = clients[id]?.filter { Self.lives($0.key, $0.value) }
    clients[id, default: [:]][pid] = Client(name: name, startTicks: ProcessStat(pid: pid)?.startTicks)
  }

  mutating func remove(_ id: KernelID, pid: Int32) { clients[id]?[pid] = nil }

  mutating func forget(_ id: KernelID) { clients[id] = nil }

  /// In the order of pids.
  func names(_ id: KernelID, except pid: Int32?) -> [String] {
    (clients[id] ?? [:]).sorted { $0.key < $1.key }.filter { $0.key != pid && Self.lives($0.key, $0.value) }.map(
      \.value.name)
  }

  private static func lives(_ pid: Int32, _ client: Client) -> Bool {
    guard let stat = ProcessStat(pid: pid), stat.isAlive else { return false }
    return stat.startTicks == client.startTicks
  }
}
