// The names that clients of kernels gave themselves, for as long as their processes live.
import FleetEngine
import Foundation

struct ClientRegister: Sendable {
  private var names: [KernelID: [Int32: String]] = [:]

  mutating func add(_ id: KernelID, name: String, pid: Int32) { names[id, default: [:]][pid] = name }

  mutating func remove(_ id: KernelID, pid: Int32) { names[id]?[pid] = nil }

  mutating func forget(_ id: KernelID) { names[id] = nil }

  /// In the order of pids; who died without saying goodbye is left out.
  func names(_ id: KernelID, except pid: Int32?) -> [String] {
    (names[id] ?? [:]).sorted { $0.key < $1.key }.filter { $0.key != pid && kill($0.key, 0) == 0 }.map(\.value)
  }
}
