// Clients of kernels' WebSockets: Python's, with jupyter_server's own framings, against a real host and real kernels.
import Foundation
import JSON
import Testing

extension FleetFixture {
  /// Runs one of the Python checks, which must end well; what it printed.
  @discardableResult
  fileprivate func check(
    _ script: String, _ arguments: String..., web: (url: String, token: String), timeout: Duration = .seconds(180),
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let path = Built.package + "/Tests/FleetTests/Python/websocket/\(script).py"
    let result = try await run(
      try Built.python, [path] + arguments, environment: ["FLEET_URL": web.url, "FLEET_TOKEN": web.token],
      timeout: timeout)
    try #require(result.code == 0 && result.output.hasSuffix("ok\n"), "\(result)", sourceLocation: sourceLocation)
    return result.output
  }

  fileprivate func uuid(_ arguments: String...) async throws -> String {
    let result = try await run(Built.program("fleet"), ["spawn"] + arguments + ["--json"])
    try #require(result.code == 0, "\(result)")
    return try #require(try JSON(parsing: result.output)["kernel"]?["uuid"]?.string)
  }

  /// What the host has open.
  fileprivate var descriptors: Int {
    hostPid.flatMap { try? FileManager.default.contentsOfDirectory(atPath: "/proc/\($0)/fd").count } ?? 0
  }
}

extension EndToEnd {
  @Suite struct WebSockets {
    private static let tcp = "[host]\nhttp = \"127.0.0.1:0\"\n"

    private func with(
      _ body: (FleetFixture, (url: String, token: String)) async throws -> Void
    ) async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in try await body(fleet, try await fleet.startWeb())
      }
    }

    @Test(arguments: ["lua", "python"])
    func `cells run over both framings, and no output is lost from the first one on`(language: String) async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid("--language", language)
        try await fleet.check("checks", "execute", kernel, language, web: web)
        try await fleet.check("checks", "fresh", kernel, language == "lua" ? "40" : "15", web: web)
        try await fleet.check("checks", "interrupt", kernel, language, web: web)
        try await fleet.check("checks", "replay", kernel, language, web: web)
      }
    }

    @Test func `buffers and questions reach who they are for`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid("--language", "python")
        try await fleet.check("checks", "buffers", kernel, web: web)
        try await fleet.check("checks", "stdin", kernel, web: web)
      }
    }

    @Test func `several clients share a kernel, and are counted and named`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid()
        try await fleet.check("checks", "tabs", kernel, web: web)
        try await fleet.check("checks", "clients", kernel, "12", web: web)
        try await fleet.check("checks", "refused", kernel, web: web)
      }
    }

    @Test func `clients stay connected over restarts, and are told when the kernel is dead`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid()
        try await fleet.check("checks", "restart", kernel, web: web)
        let pid = try #require(try await fleet.kernel(kernel)["pid"]?.int)
        try await fleet.check("checks", "dies", kernel, "\(pid)", web: web)
        try await fleet.check("checks", "ends", kernel, web: web)
      }
    }

    @Test func `a host that goes down says so`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid()
        let path = Built.package + "/Tests/FleetTests/Python/websocket/checks.py"
        var environment = fleet.variables
        environment["FLEET_URL"] = web.url
        environment["FLEET_TOKEN"] = web.token
        let client = try RunningCommand(try Built.python, [path, "leaves", kernel], environment: environment)
        try await eventually("the client to be connected") { client.output.contains("connected") }
        try await fleet.ok("down")
        let result = try await client.finish(within: .seconds(30))
        #expect(result.code == 0, "\(result)")
        // For the fixture, which ends the kernels through a host.
        try await fleet.ok("up")
      }
    }

    @Test func `each kind of invalid frame is answered with its close code`() async throws {
      try await with { fleet, web in
        try await fleet.check("hostile", "violations", try await fleet.uuid(), web: web)
      }
    }

    @Test func `10,000 malformed frames: no crash, no leak`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid()
        let seed = "\(UInt32.random(in: 0 ... .max))"
        print("malformed frames of seed \(seed)")
        // The first round fills caches and pools.
        try await fleet.check("hostile", "malformed", kernel, "500", seed, web: web)
        let pid = try #require(fleet.hostPid)
        try await eventually("the connections to be closed") { fleet.descriptors < 60 }
        let before = try ProcessMemory.anonymous(of: pid)
        try await fleet.check("hostile", "malformed", kernel, "10000", seed, web: web)
        try await eventually("the connections to be closed") { fleet.descriptors < 60 }
        #expect(fleet.hostPid == pid)
        #expect(try ProcessMemory.anonymous(of: pid) < before + 20_000_000)
      }
    }

    @Test func `500 clients that never read cost bounded memory, and nobody's outputs`() async throws {
      try await with { fleet, web in
        let kernel = try await fleet.uuid()
        let pid = try #require(fleet.hostPid)
        print(try await fleet.check("hostile", "never_read", kernel, "500", "\(pid)", web: web))
        try await eventually("the connections to be closed") { fleet.descriptors < 60 }
      }
    }

    @Test func `a slow reader keeps its answers, loses outputs, and holds up nobody`() async throws {
      try await with { fleet, web in
        let (kernel, other) = (try await fleet.uuid(), try await fleet.uuid())
        let pid = try #require(fleet.hostPid)
        print(try await fleet.check("hostile", "slow_reader", kernel, other, "\(pid)", web: web))
      }
    }
  }
}

enum ProcessMemory {
  /// Private bytes, which nothing else could take back.
  static func anonymous(of pid: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
    return try #require(line.split(separator: " ").dropLast().last.flatMap { Int($0) }) * 1024
  }
}
