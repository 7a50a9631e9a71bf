// Kernels that die, hang, or are asked for too many at once.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Crashes {
    @Test func `kill -9 is seen at once, restarted, and given up at the fifth`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        for round in 1...5 {
          let pid = Int32(try #require(try await fleet.kernel("alice")["pid"]?.int))
          kill(pid, SIGKILL)
          if round < 5 {
            try await eventually("restart \(round)") {
              let kernel = try await fleet.kernel("alice")
              return kernel["status"] == "idle" && kernel["restarts"]?.int == Int64(round)
            }
          }
        }
        try await eventually("it to be given up") { try await fleet.kernel("alice")["status"] == "failed" }
        let shown = try await fleet.ok("show", "alice")
        #expect(shown.contains("killed by SIGKILL"))
        #expect(shown.contains("given up: 5 exits within 60 s"))
        let health = try await fleet.fleet("health")
        #expect(health.code == 1)
        #expect(health.output.contains("DEAD"))
        let removed = try await fleet.document("cleanup")["removed"]?.array ?? []
        #expect(removed.count == 1)
        #expect(try await fleet.document("list")["kernels"] == [])
      }
    }

    @Test func `an interrupt reaches the command that a cell waits for`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        for code in [
          "os.execute('echo $$ > pid; exec sleep 1000')", "io.popen('echo $$ > pid; exec sleep 1000'):read('a')",
        ] {
          let file = try #require(try await fleet.kernel("alice")["pid"]?.int).description
          let place = "/proc/\(file)/cwd/pid"
          try? FileManager.default.removeItem(atPath: place)
          let running = try fleet.start("exec", "alice", code)
          var pid: Int32?
          try await eventually("the command to run") {
            let text = (try? String(contentsOfFile: place, encoding: .utf8)) ?? ""
            pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
            return pid != nil
          }
          try await fleet.ok("interrupt", "alice")
          let result = try await running.finish(within: .seconds(20))
          #expect(result.code == 1 && (result.output + result.errors).contains("Interrupted"), "\(code): \(result)")
          let command = try #require(pid)
          try await eventually("the command to end") { !FleetFixture.isAlive(command) }
          // Nothing of it is left for the next one.
          for _ in 1...3 { #expect(try await fleet.ok("exec", "alice", "return 6 * 7") == "42") }
          try? FileManager.default.removeItem(atPath: place)
        }
      }
    }

    @Test func `who uses a kernel that crashed meanwhile is told that its variables are gone`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("restart", "alice")
        // Who asked for it knows.
        #expect(try await fleet.fleet("exec", "alice", "x = 1").errors == "")
        kill(Int32(try #require(try await fleet.kernel("alice")["pid"]?.int)), SIGKILL)
        try await eventually("it to be back") {
          let kernel = try await fleet.kernel("alice")
          return kernel["status"] == "idle" && kernel["restarts"]?.int == 2
        }
        let result = try await fleet.fleet("exec", "alice", "return x")
        #expect(result.code == 0 && result.errors.hasPrefix("fleet: alice was started again "), "\(result)")
        #expect(result.errors.contains("ago (killed by SIGKILL): its variables are gone"), "\(result)")
      }
    }

    @Test func `a stopped process is unhealthy, a busy one is not, and both can be stopped`() async throws {
      try await FleetFixture.with(configuration: "[health]\ninterval = \"200ms\"\n") { fleet in
        try await fleet.ok("spawn", "--name", "frozen")
        try await fleet.ok("spawn", "--name", "busy")
        let pid = Int32(try #require(try await fleet.kernel("frozen")["pid"]?.int))
        let running = try fleet.start("exec", "busy", "print('begun') while true do end")
        try await eventually("the loop to begin") { running.output.contains("begun") }
        kill(pid, SIGSTOP)
        try await eventually("the stopped one to be unhealthy") {
          try await fleet.kernel("frozen")["status"] == "unhealthy"
        }
        #expect(try await fleet.kernel("frozen")["health"]?["state"] == "UNHEALTHY")
        #expect(try await fleet.kernel("busy")["status"] == "busy")
        #expect(try await fleet.kernel("busy")["health"]?["state"] == "HEALTHY")
        kill(pid, SIGCONT)
        try await eventually("it to recover") { try await fleet.kernel("frozen")["status"] == "idle" }
        kill(pid, SIGSTOP)
        try await fleet.ok("stop", "frozen")
        #expect(!FleetFixture.isAlive(pid))
        try await fleet.ok("stop", "busy")
        #expect(try await running.finish().code != 0)
      }
    }

    @Test func `ten spawns at once: ten kernels, ten rows, no shared port`() async throws {
      try await FleetFixture.with { fleet in
        let results = try await withThrowingTaskGroup { group in
          for _ in 0..<10 { group.addTask { try await fleet.fleet("spawn") } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        for result in results { #expect(result.code == 0, "\(result)") }
        let kernels = try await fleet.document("list")["kernels"]?.array ?? []
        #expect(kernels.count == 10)
        #expect(Set(kernels.map { $0["port"]?.int }).count == 10)
        #expect(Set(kernels.map { $0["pid"]?.int }).count == 10)
        let bases = kernels.compactMap { $0["port"]?.int }.sorted()
        #expect(zip(bases, bases.dropFirst()).allSatisfy { $0 + 5 <= $1 })
        try await eventually("registry.json to have all") {
          // It is written up to 200 ms after the change.
          guard let file = FileManager.default.contents(atPath: fleet.home + "/registry.json") else { return false }
          return try JSON(parsing: file)["kernels"]?.array?.count == 10
        }
      }
    }

    @Test func `another program's port is left alone, the next base is taken`() async throws {
      try await FleetFixture.with { fleet in
        let listener = try #require(FleetFixture.listen(on: fleet.basePort))
        defer { close(listener) }
        try await fleet.ok("spawn", "--name", "alice")
        #expect(try await fleet.kernel("alice")["port"]?.int == Int64(fleet.basePort + 5))
        let insisting = try await fleet.fleet("spawn", "--port", "\(fleet.basePort)")
        #expect(insisting.code != 0)
        #expect(insisting.errors.contains("\(fleet.basePort)"))
      }
    }

    @Test func `interrupt ends a loop and keeps the state`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("exec", "alice", "x = 5")
        let running = try fleet.start(
          "exec", "alice", "print('begun') while true do pcall(function() while true do end end) end")
        try await eventually("the loop to begin") { running.output.contains("begun") }
        try await fleet.ok("interrupt", "alice")
        let result = try await running.finish()
        #expect(result.code == 1)
        #expect(result.errors.contains("interrupted"))
        #expect(try await fleet.ok("exec", "alice", "return x") == "5")
      }
    }

    @Test func `a restart keeps id, ports and durable state, and forgets the rest`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice", environment: ["OPENAI_API_KEY": "k"])
        let before = try await fleet.kernel("alice")
        try await fleet.ok("exec", "alice", "x = 5; state.set('x', 6)")
        try await fleet.ok("restart", "alice")
        let after = try await fleet.kernel("alice")
        for member in ["id", "uuid", "port", "connection_file"] { #expect(before[member] == after[member]) }
        #expect(before["pid"] != after["pid"])
        #expect(try await fleet.ok("exec", "alice", "return x, state.get('x')") == "nil\t6")
      }
    }
  }
}
