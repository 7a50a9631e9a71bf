// The Jupyter gateway's REST side: kernels started through it, and lists of them.
import Foundation
import JSON

/// Python's own clients measure; Benchmarks/Gateway/gateway.py says how.
enum GatewayBenchmark: Benchmark {
  static let name = "gateway"
  static let summary =
    "POST /api/kernels to kernel_info_reply, by jupyter_client alone and by Jupyter Server with ilua; GET /api/kernels"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    guard access("/usr/bin/wrk", X_OK) == 0 else { throw Failure("there is no wrk; scripts/deps bench installs it") }
    let directory = try TemporaryDirectory.make("gateway")
    let found = try measure(setting, in: directory)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a failure has left it to be looked at
    try starts(found["starts"] ?? nil, &report)
    try lists(found, &report)
    guard let empty = found["memory"]?["empty"]?.double, let kernel = found["memory"]?["per kernel"]?.double else {
      throw Failure("no figures of memory: \(found.text())")
    }
    report.add(Figure("private memory of a host without a kernel", empty, atMost: 10 * 1_048_576, Text.megabytes))
    report.add(Figure("private memory of the host per idle kernel", kernel, atMost: 0.1 * 1_048_576, Text.megabytes))
  }

  private static func measure(_ setting: Setting, in directory: String) throws -> JSON {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Gateway/gateway.py").standardized.path
    let python = try JupyterKernel.python()
    let (output, bin) = (
      directory + ".json", URL(fileURLWithPath: setting.executables.fleet).deletingLastPathComponent()
    )
    defer { unlink(output) }
    try Child.run([python, script, bin.path, directory, String(setting.effort)], output: output)
    let text = try String(contentsOfFile: output, encoding: .utf8)
    guard let line = text.split(separator: "\n").last else { throw Failure("\(script) said nothing") }
    return try JSON(parsing: String(line))
  }

  private static func starts(_ found: JSON, _ report: inout Report) throws {
    func samples(_ name: String) throws -> Samples {
      guard let times = found[name]?.array?.compactMap(\.double), !times.isEmpty else {
        throw Failure("no times of \(name)")
      }
      var samples = Samples()
      for time in times { samples.add(seconds: time) }
      report.line(name, samples)
      return samples
    }
    let (hand, python) = (try samples("ipykernel by hand"), try samples("ipykernel"))
    let (lua, ilua) = (try samples("lua"), try samples("ilua"))
    report.add(
      Figure("POST to kernel_info_reply, ipykernel, by hand", python.median / hand.median, atMost: 1.1, Text.ratio))
    report.add(Figure("the same, p95 by median", python.p95 / python.median, atMost: 1.5, Text.ratio))
    report.add(
      Figure("the same for Lua, by Jupyter Server with ilua", lua.median / ilua.median, atMost: 0.05, Text.ratio))
    report.add(Figure("Lua, p95 by median", lua.p95 / lua.median, atMost: 1.5, Text.ratio))
  }

  private static func lists(_ found: JSON, _ report: inout Report) throws {
    func median(_ numbers: JSON?) throws -> Double {
      guard let sorted = numbers?.array?.compactMap(\.double).sorted(), !sorted.isEmpty else {
        throw Failure("no lists were asked for")
      }
      return sorted[sorted.count / 2]
    }
    let (ours, theirs) = (try median(found["lists of 10"]?["ours"]), try median(found["lists of 10"]?["theirs"]))
    let many = try median(found["lists of 1000"])
    guard let clients = found["100 clients of 1000 kernels"], let seconds = clients["seconds"]?.double,
      let files = clients["descriptors"]?.array?.compactMap(\.int), files.count == 3
    else { throw Failure("nothing is known of 100 clients") }
    report.line(
      "100 clients of 1000 kernels run a cell each",
      "\(Int(seconds * 1000)) ms; open files of the host before, with and after them: \(files)")
    report.line("GET /api/kernels, 10 kernels", "\(Int(ours)) per second, Jupyter Server \(Int(theirs))")
    report.add(Figure("GET /api/kernels, 10 kernels, by Jupyter Server", ours / theirs, atLeast: 12, Text.ratio))
    report.add(Figure("GET /api/kernels per second, 1000 kernels", many, atLeast: 2000) { "\(Int($0))" })
  }
}
