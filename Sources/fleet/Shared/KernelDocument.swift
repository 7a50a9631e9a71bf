// A kernel of the API as a command sees it: the document, and what is often taken from it.
import FleetConfiguration
import JSON

struct KernelDocument {
  let document: JSON

  init(_ document: JSON) { self.document = document }

  static func list(_ document: JSON) -> [KernelDocument] {
    (document["kernels"]?.array ?? []).map(KernelDocument.init)
  }

  private func text(_ key: String) -> String? { document[key]?.string }

  var id: String { text("id") ?? "" }
  var name: String? { text("name") }
  var uuid: String { text("uuid") ?? "" }
  var language: String { text("language") ?? "" }
  var kernelspec: String { text("kernelspec") ?? "" }
  var provider: String? { text("provider") }
  var model: String? { text("model") }
  var owner: String { text("owner") ?? "" }
  var pool: String? { text("pool") }
  var status: String { text("status") ?? "unknown" }
  var connectionFile: String { text("connection_file") ?? "" }
  var logFile: String { text("log_file") ?? "" }
  var healthState: String { document["health"]?["state"]?.string ?? "UNHEALTHY" }
  var healthReason: String { document["health"]?["reason"]?.string ?? "" }
  var exitReason: String? { document["exit"]?["reason"]?.string }
  var exitCode: Int? { document["exit"]?["code"]?.int.map(Int.init) }
  var clients: [String] { document["clients"]?.array?.compactMap(\.string) ?? [] }
  var connections: Int { document["connections"]?.int.map(Int.init) ?? 0 }
  var pid: String { number("pid") }
  var port: String { number("port") }
  var restarts: Int { document["restarts"]?.int.map(Int.init) ?? 0 }
  var memory: String { document["memory_mb"]?.double.map(Words.megabytes) ?? "-" }
  var cpu: String { document["cpu_percent"]?.double.map(Words.percent) ?? "-" }
  var uptime: String { document["uptime_seconds"]?.double.map(Words.uptime) ?? "-" }

  /// The last that befell its process is that somebody restarted it. Of a document with its story.
  var wasRestarted: Bool {
    let last = document["events"]?.array?.last { ["restarting", "died"].contains($0["event"]?.string) }
    return last?["event"] == "restarting" && last?["detail"] == "asked for"
  }

  /// That it was started again by itself a moment ago, which whoever uses it may not know; nil if it was not.
  var freshStart: String? {
    guard restarts > 0, exitCode != 0, let reason = exitReason, let uptime = document["uptime_seconds"]?.double,
      uptime < 30
    else { return nil }
    return "\(title) was started again \(Words.uptime(uptime)) ago (\(reason)): its variables are gone"
  }

  /// The file name of its config.
  var config: String { text("config").map { FilePath.name(of: $0) } ?? "-" }

  /// How people call it: its name, else its id.
  var title: String { name ?? id }

  var memoryLimit: String? { document["memory_limit"]?.int.map { ByteCount(bytes: $0).description } }
  var cpuLimit: String? { document["cpu_limit"]?.double.map { "\($0)" } }

  /// Besides memory and processors: `8 processes`, `64 open files`, `64K files`, `nice 5`, `landlock`.
  var furtherLimits: [String] {
    func count(_ key: String, _ word: String) -> String? { document[key]?.int.map { "\($0) \(word)" } }
    return [
      count("processes", "processes"), count("open_files", "open files"),
      document["file_size"]?.int.map { "\(ByteCount(bytes: $0)) files" }, document["nice"]?.int.map { "nice \($0)" },
    ].compactMap(\.self) + (document["hardening"]?.array?.compactMap(\.string) ?? [])
  }

  /// Of what it started; when it is killed itself, its end says so.
  var outOfMemoryKills: String? {
    guard let kills = document["out_of_memory_kills"]?.int, kills > 0 else { return nil }
    let limit = memoryLimit.map { "; its limit is \($0)" } ?? ""
    return "\(kills): processes that it started were killed for want of memory\(limit)"
  }

  var labels: String {
    (document["labels"]?.object ?? [:]).sorted { $0.key < $1.key }
      .map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ",")
  }

  /// Whether it has no process and will not get one by itself.
  var isDead: Bool { ["exited", "failed"].contains(status) }

  var colour: Output.Colour? {
    switch healthState {
    case "HEALTHY": status == "idle" ? .green : .yellow
    case "DEAD": .red
    default: .yellow
    }
  }

  private func number(_ key: String) -> String { document[key]?.int.map { "\($0)" } ?? "-" }
}
