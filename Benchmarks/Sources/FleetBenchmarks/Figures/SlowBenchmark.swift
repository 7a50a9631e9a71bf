// What clients notice of others that take their time.
import Foundation
import JSON

enum SlowBenchmark: Benchmark {
  static let name = "slow"
  static let summary = "GET /health on TCP, alone and among 500 clients that send a byte a second or never read"

  /// The same clients as those of the tests.
  private static var script: String {
    let package = (0..<5).reduce(#filePath) { path, _ in (path as NSString).deletingLastPathComponent }
    return package + "/Tests/FleetTests/Python/slow.py"
  }

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables, web: true) { fleet in
      let web = try fleet.web()
      let url = "http://127.0.0.1:\(web.port)"
      let output = fleet.directory + "/slow.out"
      let count = setting.rounds(2000)
      try Child.run(
        ["/usr/bin/python3", script, url, web.token, "500", "\(count)"], output: output)
      let said = try JSON(parsing: String(contentsOfFile: output, encoding: .utf8))
      func seconds(_ part: String, _ name: String) throws -> Double {
        guard let milliseconds = said[part]?[name]?.double else { throw Failure("\(output) lacks \(part).\(name)") }
        return milliseconds / 1000
      }
      for (part, what) in [("alone", "GET /health"), ("among_slow", "the same among 500 slow clients")] {
        let figures = try ["p50", "p99", "max"].map { "\($0) \(Text.time(try seconds(part, $0)))" }
        report.line(what, figures.joined(separator: ", "))
      }
      report.add(
        Figure("p99 of a request among 500 slow clients", try seconds("among_slow", "p99"), atMost: 0.05, Text.time))
    }
  }
}
