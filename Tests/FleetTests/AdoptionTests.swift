// The host dies; nobody loses anything.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Adoption {
    @Test func `kill -9 of the host with 20 kernels, some executing`() async throws {
      try await FleetFixture.with { fleet in
        try await Self.spawn(20, fleet)
        let before = try await Self.identities(fleet)
        #expect(before.count == 20)
        for number in 1...20 { try await fleet.ok("exec", "k\(number)", "n = \(number)") }
        let busy = try (1...3).map { try fleet.start("exec", "k\($0)", "while not done do end print('done', n)") }
        try await eventually("three busy kernels") {
          try await fleet.document("list")["kernels"]?.array?.count { $0["status"] == "busy" } == 3
        }
        try await fleet.killHost()
        // How fast it is back says Benchmarks/.
        try await fleet.ok("up")
        #expect(try await Self.identities(fleet) == before)
        for number in 4...20 { #expect(try await fleet.ok("exec", "k\(number)", "return n") == "\(number)") }
        for number in 1...3 { try await fleet.ok("interrupt", "k\(number)") }
        for command in busy { #expect(try await command.finish().code == 1) }
        #expect(try await fleet.ok("exec", "k2", "return n") == "2")
      }
    }

    @Test func `what ended while no host ran says exactly how it ended`() async throws {
      try await FleetFixture.with { fleet in
        for name in ["killed", "left", "stays"] { try await fleet.ok("spawn", "--name", name) }
        let killed = try #require(try await fleet.kernel("killed")["pid"]?.int)
        let connection = try await fleet.kernel("left")["connection_file"]?.string ?? ""
        let leftPid = Int32(try #require(try await fleet.kernel("left")["pid"]?.int))
        try await fleet.killHost()
        kill(Int32(killed), SIGKILL)
        let script = Built.package + "/Tests/FleetTests/Python/execute.py"
        try await fleet.run(try Built.python, [script, connection, "os.exit(7)"])
        try await eventually("both to end") {
          !FleetFixture.isAlive(Int32(killed)) && !FleetFixture.isAlive(leftPid)
        }
        try await fleet.ok("up")
        // The shim may still be writing how its kernel ended.
        try await eventually("the ends to be known") {
          let (killed, left) = (try await fleet.kernel("killed"), try await fleet.kernel("left"))
          return killed["exit"]?["reason"] == "killed by SIGKILL, while no host ran" && left["exit"]?["code"] == 7
        }
        #expect(try await fleet.kernel("stays")["exit"]?.isNull == true)
        let story = try await fleet.kernel("killed")["events"]?.array?.compactMap { $0["event"]?.string } ?? []
        #expect(story.contains("died"))
      }
    }

    @Test func `kill -9 in the middle of spawns: no process without a row, no row without a process`() async throws {
      try await FleetFixture.with { fleet in
        for round in 0..<6 {
          #expect([0, 100].contains(try await fleet.fleet("up").code))
          let spawns = try (0..<4).map { _ in try fleet.start("spawn") }
          try await eventually("a lock file") {
            round == 0 || Self.count(fleet.home, suffix: ".lock") + Self.count(fleet.home, suffix: ".json") > round
          }
          try await fleet.killHost()
          for spawn in spawns { _ = try await spawn.finish() }
          // A spawn that found no host may have started one.
          #expect([0, 100].contains(try await fleet.fleet("up").code))
          try await Self.expectConsistency(fleet)
        }
      }
    }

    @Test func `two hosts on one directory: the second exits 100 and says who runs`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("up")
        let pid = try #require(fleet.hostPid)
        let second = try await fleet.fleet("up")
        #expect(second.code == 100)
        #expect(second.errors.contains("\(pid)"))
        let third = try await fleet.fleet("up", "-f")
        #expect(third.code == 100)
        #expect(third.errors.contains("\(pid)"))
      }
    }

    @Test func `after a crash the host is what it was told to be, until somebody says otherwise`() async throws {
      try await FleetFixture.with { fleet in
        let config = fleet.home + "/mine.toml"
        let text = "[ports]\nbase = \(fleet.basePort)\n[limits]\nopen_files = 99\n"
        try text.write(toFile: config, atomically: true, encoding: .utf8)
        try await fleet.ok("up", "--config", config, "--http", "")
        func isMine() async throws -> Bool { try await fleet.ok("status", "--config").contains("open_files = 99") }
        #expect(try await isMine())
        for _ in 1...2 {
          try await fleet.killHost()
          let list = try await fleet.fleet("list")
          #expect(list.errors.contains(" with --config \(config) --http \"\", as the one that died had;"), "\(list)")
          #expect(try await isMine())
        }
        // Its file is gone: said, with the way out.
        try await fleet.killHost()
        try FileManager.default.removeItem(atPath: config)
        let failed = try await fleet.fleet("list")
        #expect(failed.code != 0 && failed.errors.contains("\(config): there is no such file"), "\(failed)")
        #expect(failed.errors.contains("it was to have --config \(config)"), "\(failed)")
        let up = try await fleet.fleet("up")
        #expect(up.code == 0 && up.errors.contains("the host that died was started with --config \(config)"), "\(up)")
        #expect(try await !isMine())
        // One that was ended is not remembered.
        try await fleet.ok("down")
        try text.write(toFile: config, atomically: true, encoding: .utf8)
        try await fleet.ok("up", "--config", config, "--http", "")
        try await fleet.ok("down")
        let list = try await fleet.fleet("list")
        #expect(list.errors.contains("started a host") && !list.errors.contains("--config"), "\(list)")
        // Nor one that died and was then said to be down.
        try await fleet.ok("down")
        try await fleet.ok("up", "--config", config, "--http", "")
        try await fleet.killHost()
        #expect(try await fleet.ok("doctor").contains("warn  host: none runs; the last one died"))
        #expect(try await fleet.ok("down") == "")
        #expect(try await !fleet.fleet("list").errors.contains("--config"))
        #expect(fleet.hostLog.contains("the last host (pid") && fleet.hostLog.contains("did not end by itself"))
        // Nor is one believed whose record is damaged.
        try await fleet.killHost()
        for text in ["{", "{}", #"{"config": 5, "http": null}"#, #"{"config": null, "http": "nonsense"}"#] {
          try text.write(toFile: fleet.home + "/host.json", atomically: true, encoding: .utf8)
          let damaged = try await fleet.fleet("list")
          #expect(damaged.code == 1 && damaged.errors.contains("host.json"), "\(text): \(damaged)")
        }
        let doctor = try await fleet.fleet("doctor")
        #expect(doctor.code == 1 && doctor.output.contains("host.json, which tells how"), "\(doctor)")
        try await fleet.ok("up")
      }
    }

    @Test func `down leaves kernels alone, down --kernels ends them`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("exec", "alice", "x = 1")
        let pid = Int32(try #require(try await fleet.kernel("alice")["pid"]?.int))
        try await fleet.ok("down")
        #expect(FleetFixture.isAlive(pid))
        #expect(try await fleet.fleet("status").code == 5)
        #expect(try await fleet.ok("exec", "alice", "return x") == "1")
        try await fleet.ok("down", "--kernels")
        #expect(!FleetFixture.isAlive(pid))
        #expect(fleet.livePids.isEmpty)
      }
    }

    @Test func `a host that is told to end ends, though a client has sent half a request`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let script = """
          import socket, sys
          half = socket.socket(socket.AF_UNIX)
          half.connect(sys.argv[1])
          half.sendall(b"POST /find HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100\\r\\n\\r\\n{")
          print("sent", flush=True)
          sys.stdin.read()
          """
        let half = try RunningCommand(
          try Built.python, ["-c", script, fleet.home + "/fleet.sock"], environment: fleet.variables)
        try await eventually("half a request") { half.output.contains("sent") }
        let pid = try #require(fleet.hostPid)
        kill(pid, SIGTERM)
        // Whoever comes meanwhile waits for the next host.
        #expect(try await fleet.ok("exec", "alice", "return 1 + 1") == "2")
        try await eventually("the host to end") { !FleetFixture.isAlive(pid) }
        // It may have answered that itself, before it heard that it was to end.
        #expect(try await fleet.ok("exec", "alice", "return 2 + 2") == "4")
        #expect(fleet.hostPid != pid)
        half.send("", andClose: true)
        _ = try await half.finish()
      }
    }

    @Test func `the tour leaves nothing behind`() async throws {
      try await FleetFixture.with { fleet in
        let result = try await fleet.run(
          Built.package + "/examples/tour", [Built.directory], environment: ["TMPDIR": fleet.home])
        #expect(result.code == 0, "\(result)")
        #expect(result.output.contains("bob was here") && result.output.contains("stopped the host"))
        let left = try FileManager.default.contentsOfDirectory(atPath: fleet.home).filter { $0.hasPrefix("fleet-tour") }
        #expect(left.isEmpty)
      }
    }

    static func spawn(_ count: Int, _ fleet: FleetFixture) async throws {
      try await withThrowingTaskGroup { group in
        for number in 1...count { group.addTask { try await fleet.ok("spawn", "--name", "k\(number)") } }
        try await group.waitForAll()
      }
    }

    /// Name → id, pid, port.
    static func identities(_ fleet: FleetFixture) async throws -> [String: [JSON?]] {
      let kernels = try await fleet.document("list")["kernels"]?.array ?? []
      return Dictionary(
        uniqueKeysWithValues: kernels.map { ($0["name"]?.string ?? "", [$0["id"], $0["pid"], $0["port"]]) })
    }

    static func count(_ home: String, suffix: String) -> Int {
      ((try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []).count { $0.hasSuffix(suffix) }
    }

    /// Every row has its process, every process its row.
    static func expectConsistency(_ fleet: FleetFixture) async throws {
      try await eventually("all starts to be over") {
        try await fleet.document("list")["kernels"]?.array?.allSatisfy { $0["status"] == "idle" } == true
      }
      let kernels = try await fleet.document("list")["kernels"]?.array ?? []
      let rows = Set(kernels.flatMap { [$0["pid"], $0["shim_pid"]] }.compactMap { $0?.int.map(Int32.init) })
      try await eventually("strays to be ended") { fleet.livePids == rows }
      for pid in rows { #expect(FleetFixture.isAlive(pid)) }
    }
  }
}
