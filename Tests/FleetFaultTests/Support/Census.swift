// What is there after a fault, counted three times: the rows that a host shows, the processes that live, the files that
// lie in the directory. They must agree.
import FleetClient
import Foundation
import JSON
import JupyterProtocol

/// A kernel as a host shows it.
struct KernelRow: Sendable {
  let id: String
  let name: String
  let status: String
  let pid: Int32
  let shim: Int32
  let connectionFile: String

  init(_ json: JSON) {
    id = json["id"]?.string ?? "?"
    name = json["name"]?.string ?? ""
    status = json["status"]?.string ?? "?"
    pid = json["pid"]?.int.flatMap(Int32.init(exactly:)) ?? 0
    shim = json["shim_pid"]?.int.flatMap(Int32.init(exactly:)) ?? 0
    connectionFile = json["connection_file"]?.string ?? ""
  }

  var answers: Bool { ["idle", "busy"].contains(status) }
}

extension FaultFleet {
  func rows() throws -> [KernelRow] { (try client().kernels()["kernels"]?.array ?? []).map(KernelRow.init) }

  /// Nil if rows and processes agree and every kernel has come to rest; else what is the matter.
  func disagreement() throws -> String? {
    let rows = try rows()
    let processes = FleetProcess.all(of: home)
    for row in rows where ["starting", "stopping", "backoff", "unknown", "unhealthy"].contains(row.status) {
      return "\(row.id) is \(row.status)"
    }
    for row in rows where row.answers {
      let mine = processes.filter { $0.kernelID == row.id }
      guard mine.contains(where: { $0.pid == row.pid && $0.role == .kernel }) else {
        return "\(row.id) is \(row.status), and its process \(row.pid) is not there: \(mine)"
      }
      let doubles = mine.filter {
        ($0.role == .shim && $0.pid != row.shim) || ($0.role == .kernel && $0.pid != row.pid)
      }
      if !doubles.isEmpty { return "\(row.id) (shim \(row.shim), kernel \(row.pid)) is there twice: \(doubles)" }
    }
    let alive = Set(rows.filter(\.answers).map(\.id))
    let orphans = processes.filter { $0.role != .host && !alive.contains($0.kernelID) }
    if !orphans.isEmpty { return "processes without a row: \(orphans)" }
    let hosts = processes.filter { $0.role == .host && $0.pid != hostPid }
    if !hosts.isEmpty { return "other hosts: \(hosts)" }
    return nil
  }

  /// Files of kernels that no row accounts for, and what was left of unfinished writes.
  func strayFiles() throws -> [String] {
    let rows = Set(try rows().map(\.id))
    let files = FileManager.default
    var names = try files.contentsOfDirectory(atPath: home)
    // The folder is made with the first log.
    names += (try? files.contentsOfDirectory(atPath: home + "/logs")) ?? []
    return names.filter { name in
      if name.hasSuffix(".tmp") { return true }
      guard name.hasPrefix("kernel-") else { return false }
      return !rows.contains(String(name.prefix(15)))
    }.sorted()
  }

  /// The control groups of kernels on this machine that hold no process. Others come and go; what stays was left.
  static func emptyGroups() -> Set<String> {
    let files = FileManager.default
    let top = "/sys/fs/cgroup"
    // An enumerator stays on one file system, and each hierarchy is one.
    let hierarchies = ((try? files.contentsOfDirectory(atPath: top)) ?? []).map { "\(top)/\($0)" }
    let all = hierarchies.flatMap { hierarchy in
      (files.enumerator(atPath: hierarchy)?.compactMap { $0 as? String } ?? []).map { "\(hierarchy)/\($0)" }
    }
    return Set(
      all.filter { path in
        guard path.split(separator: "/").last?.hasPrefix("fleet-kernel-") == true else { return false }
        return (try? String(contentsOfFile: "\(path)/cgroup.procs", encoding: .utf8)) == ""
      })
  }

  /// A short life of one client: runs the code and tells what it printed or answered.
  func execute(_ code: String, connectionFile: String, within limit: Duration = .seconds(30)) throws -> String {
    let client = try KernelClient(ConnectionFile(reading: connectionFile))
    try client.waitUntilReady(timeout: limit)
    var text = ""
    let reply = try client.execute(ExecuteRequest(code), timeout: limit) { output in
      switch output {
      case .stream(_, let part): text += part
      case .result(let data, _, _): text += data["text/plain"]?.string ?? ""
      default: break
      }
    }
    guard case .ok = reply.outcome else { throw Problem("'\(code)' failed: \(reply.outcome)") }
    return text.trimmingCharacters(in: .newlines)
  }
}
