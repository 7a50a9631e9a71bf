// The processes of a fleet directory, found by their environment, and not by what a host says.
import Foundation
import Glibc

struct FleetProcess: Sendable, CustomStringConvertible {
  enum Role: Sendable { case host, shim, kernel }

  let pid: Int32
  let role: Role
  /// Of shims and kernels.
  let kernelID: String
  let parent: Int32

  var description: String { "\(role) \(pid) of \(kernelID)" }

  /// All that live: hosts, shims, kernels, and what kernels started.
  static func all(of home: String) -> [FleetProcess] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.compactMap { FleetProcess(pid: $0, home: home) }
  }

  /// Nil for processes of somebody else and for such as have ended.
  init?(pid: Int32, home: String) {
    guard let variables = Self.read("/proc/\(pid)/environ"), !variables.isEmpty else { return nil }
    let list = variables.split(separator: "\0")
    guard list.contains("FLEET_HOME=\(home)"), let fields = Self.state(pid),
      fields.count > 2, fields[0] != "Z", fields[0] != "X"
    else { return nil }
    self.pid = pid
    parent = Int32(fields[1]) ?? 0
    kernelID = list.first { $0.hasPrefix("FLEET_KERNEL_ID=") }.map { String($0.dropFirst(16)) } ?? ""
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")) ?? ""
    // A replaced executable is called so.
    let name = program.replacingOccurrences(of: " (deleted)", with: "").split(separator: "/").last ?? ""
    role = kernelID.isEmpty ? .host : name == "fleet-shim" ? .shim : .kernel
  }

  private static func read(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What /proc/PID/stat tells after the name: state, parent, …; nil if there is no such process.
  private static func state(_ pid: Int32) -> [Substring]? {
    read("/proc/\(pid)/stat")?.split(separator: ")").last?.split(separator: " ")
  }

  /// Of all its threads, so far.
  static func processorTime(of pid: Int32) throws -> Duration {
    guard let fields = state(pid), fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12])
    else { throw Problem("process \(pid) cannot be looked at") }
    return .seconds(Double(user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
  }

  /// `State:` of a live process, or nil.
  static func isAlive(_ pid: Int32) -> Bool {
    state(pid)?.first.map { $0 != "Z" && $0 != "X" } ?? false
  }
}

/// What a process takes of the machine.
struct Footprint: Sendable, CustomStringConvertible {
  /// How many there are of each kind: `socket`, `anon_inode:[eventfd]`, a path.
  var kinds: [String: Int]
  var threads: Int
  /// Private memory, in KiB.
  var memory: Int

  init(pid: Int32) throws {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let rollup = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
    threads = Self.number("Threads:", in: status)
    memory = Self.number("Private_Clean:", in: rollup) + Self.number("Private_Dirty:", in: rollup)
    let files = FileManager.default
    let names = try files.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    // One that was closed in between has no destination.
    let targets = names.compactMap { try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)") }
    // Sockets and pipes end with a number of their own, and files of a kernel begin with its id.
    kinds = targets.reduce(into: [:]) {
      $0[$1.replacing(#/:\[\d+\]$/#, with: "").replacing(#/kernel-[0-9a-f]{8}/#, with: "KERNEL"), default: 0] += 1
    }
  }

  var descriptors: Int { kinds.values.reduce(0, +) }

  private static func number(_ name: String, in text: String) -> Int {
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line.flatMap { $0.split { !$0.isNumber }.first }.flatMap { Int($0) } ?? 0
  }

  var description: String {
    let most = kinds.filter { $0.value > 1 }.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
    return "\(memory) KiB private, \(descriptors) descriptors (\(most.joined(separator: ", "))), \(threads) threads"
  }
}
