// The text that Prometheus scrapes: what promtool and a strict OpenMetrics parser say of it.

import FleetEngine
import Foundation
import Testing

@testable import FleetCore
@testable import FleetServer

@Suite struct ExpositionTests {
  static let promtool: String? = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first { access($0, X_OK) == 0 }

  /// A fleet with kernels of which every metric is known.
  static func sample(_ count: Int, language: (Int) -> String = { _ in "lua" }) -> FleetMetrics {
    var usage = ProcessUsage(pid: getpid())
    usage?.residentBytes = 15_728_640
    let group = GroupUsage(
      memory: 1, memoryLimit: 2, processes: 3, processLimit: 4, periods: 5, throttledPeriods: 6,
      throttledMicroseconds: 7)
    let meters = HostMeters()
    meters.httpRequest(route: "/kernels/{kernel}", method: "GET", status: 200, seconds: 0.001)
    meters.httpRequest(route: nil, method: "BREW", status: 418, seconds: 0.1)
    meters.spawn.record(.milliseconds(30))
    let kernels = (0..<count).map { index in
      FleetMetrics.Kernel(
        id: "kernel-\(String(0x1000_0000 + index, radix: 16))", port: 9555 + 5 * index, language: language(index),
        status: "idle", isActive: true, memory: 15_728_640, cpu: 1.5, threads: 4, connections: index % 3, clients: [],
        uptime: 12.25, usage: usage, group: group, memoryLimit: 1 << 30, restarts: 0, busy: 1.5, isBusy: false)
    }
    var policy = PolicySummary(entry: "route", path: "/a/least_loaded.lua", hash: "00", state: "active", calls: 3)
    policy.p50 = .microseconds(2)
    policy.p99 = .microseconds(9)
    return FleetMetrics(
      at: 1_800_000_000_000, startedAt: 1_799_999_990_000, kernels: kernels, totalSpawned: count, policies: [policy],
      pools: [], alerts: ["critical": 0, "warning": 1], meters: meters, host: .sample())
  }

  private static func text(
    _ metrics: FleetMetrics, _ format: Exposition.Format, _ names: MetricNames = .all
  ) -> String {
    String(decoding: metrics.exposition(format, names, version: "1.2.3"), as: UTF8.self)
  }

  /// - Returns: the exit code and everything that was said.
  private static func run(_ program: String, _ arguments: [String], input: String) throws -> (Int32, String) {
    let (process, stdin, output) = (Foundation.Process(), Pipe(), Pipe())
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    (process.standardInput, process.standardOutput, process.standardError) = (stdin, output, output)
    try process.run()
    // What is written is read before anything is said.
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: said, as: UTF8.self))
  }

  @Test(arguments: [0, 3]) func promtoolAcceptsIt(_ kernels: Int) throws {
    let promtool = try #require(Self.promtool, "promtool is missing; scripts/deps test installs it")
    let (code, said) = try Self.run(
      promtool, ["check", "metrics"], input: Self.text(Self.sample(kernels), .text, .fleet))
    #expect(code == 0 && said == "", "\(said)")
  }

  /// What the specification calls a metric stays: promtool has nothing to say of them but that their names tell MiB.
  @Test func promtoolObjectsToNothingButTheUnitsThatTheSpecificationNames() throws {
    let promtool = try #require(Self.promtool, "promtool is missing; scripts/deps test installs it")
    let (code, said) = try Self.run(promtool, ["check", "metrics"], input: Self.text(Self.sample(3), .text))
    #expect(code == 3)
    #expect(
      Set(said.split(separator: "\n").map(String.init)) == [
        "llmspell_kernel_memory_mb metric names should not contain abbreviated units",
        "llmspell_memory_mb_total metric names should not contain abbreviated units",
      ])
  }

  private static let python: String? = {
    let package = (0..<4).reduce(#filePath) { path, _ in (path as NSString).deletingLastPathComponent }
    return [ProcessInfo.processInfo.environment["FLEET_TEST_PYTHON"], package + "/.venv/bin/python"].compactMap { $0 }
      .first { access($0, X_OK) == 0 }
  }()

  /// The parser of Prometheus' own client library, which is strict, where Prometheus itself is not.
  private static let strictParser = """
    import sys
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
        for sample in family.samples:
            print(family.name, family.type, family.unit, sample.name, sample.labels, sample.value, sep="\\t")
    """

  @Test(arguments: [0, 3]) func aStrictParserReadsOpenMetrics(_ kernels: Int) throws {
    let python = try #require(Self.python, "no Python with prometheus_client; scripts/deps test makes .venv")
    let text = Self.text(Self.sample(kernels), .openMetrics)
    #expect(text.hasSuffix("\n# EOF\n"))
    let (code, said) = try Self.run(python, ["-c", Self.strictParser], input: text)
    try #require(code == 0, "\(said)")
    let lines = Set(said.split(separator: "\n").map(String.init))
    func has(_ line: String) -> Bool { lines.contains(line) }
    #expect(has("fleet_kernels_spawned\tcounter\t\tfleet_kernels_spawned_total\t{}\t\(kernels)"))
    #expect(has("llmspell_kernels_total\tunknown\t\tllmspell_kernels_total\t{}\t\(kernels)"))
    #expect(
      has(
        "fleet_spawn_duration_seconds\thistogram\tseconds\tfleet_spawn_duration_seconds_bucket\t{'le': '0.05'}\t1"))
  }

  @Test func labelsAreEscaped() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(seed)
    let pieces = [
      "\\", "\"", "\n", "\r", "\t", "{", "}", ",", "=", " ", "#", "\u{0}", "\u{1}", "\u{7F}", "ä", "日", "🚀", "\\n",
      "\u{85}", "\u{2028}", "e\u{301}", "a", "EOF",
    ]
    var names = [""]
    for _ in 0..<300 {
      names.append(
        (0..<Int.random(in: 1...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined())
    }
    let metrics = Self.sample(names.count) { names[$0] }
    let promtool = try #require(Self.promtool, "promtool is missing; scripts/deps test installs it")
    let (code, said) = try Self.run(promtool, ["check", "metrics"], input: Self.text(metrics, .text, .fleet))
    #expect(code == 0, "seed \(seed): \(said)")
    let python = try #require(Self.python, "no Python with prometheus_client; scripts/deps test makes .venv")
    let script = """
      import sys, json
      from prometheus_client.openmetrics.parser import text_string_to_metric_families
      found = [s.labels["language"] for f in text_string_to_metric_families(sys.stdin.buffer.read().decode())
               if f.name == "fleet_kernel_up" for s in f.samples]
      print(json.dumps(found))
      """
    let (parsed, found) = try Self.run(python, ["-c", script], input: Self.text(metrics, .openMetrics, .fleet))
    try #require(parsed == 0, "seed \(seed): \(found)")
    // No parser takes a null character; everything else comes back as it was.
    let expected = names.map { $0.replacingOccurrences(of: "\u{0}", with: "\u{FFFD}") }
    #expect(try JSONDecoder().decode([String].self, from: Data(found.utf8)) == expected, "seed \(seed)")
  }

  @Test func numbersAreWrittenAsTheyAre() {
    var text = Exposition(.text)
    text.family("x", .gauge, "a \\ \"b\"\nc")
    for value in [0, -1, 1.5, 1e15, 1e-7, .infinity, -.infinity, .nan, 123_456_789] { text.add(value) }
    text.add(nil as Double?)
    text.add(Int64.min)
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP x a \\\\ "b"\\nc
        # TYPE x gauge
        x 0
        x -1
        x 1.5
        x 1000000000000000.0
        x 1e-07
        x +Inf
        x -Inf
        x NaN
        x 123456789
        x -9223372036854775808

        """)
  }
}

/// splitmix64: the same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
