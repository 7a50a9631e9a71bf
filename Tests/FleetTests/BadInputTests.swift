// Typos, missing files, full disks: a clear sentence, the right exit code, nothing lost.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct BadInput {
    @Test func `what is said wrong is answered with a sentence and a code`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try write("[kernel]\nlanguage = \"lua\"\n[llm]\nprovidr = \"openai\"\n", fleet.home + "/typo.toml")
        try write("[kernel\n", fleet.home + "/broken.toml")
        try write("print('x'\nreturn )", fleet.home + "/syntax.lua")
        try await expect(fleet, ["spawn", fleet.home + "/typo.toml"], code: 2, ["typo.toml:4", "provider"])
        try await expect(fleet, ["spawn", fleet.home + "/broken.toml"], code: 2, ["broken.toml:1"])
        try await expect(fleet, ["spawn", "openia"], code: 3, ["openia", "openai"])
        try await expect(fleet, ["spawn", "--language", "lau"], code: 3, ["lau", "lua"])
        try await expect(fleet, ["spawn", "--name", "alice"], code: 4, ["alice", "taken"])
        try await expect(fleet, ["spawn", "--name", "kernel-12345678"], code: 2, ["kernel-12345678"])
        try await expect(fleet, ["spawn", "--memory", "half"], code: 2, ["half"])
        try await expect(fleet, ["show", "bob"], code: 3, ["bob"])
        try await expect(fleet, ["stop", "bob"], code: 3, ["bob"])
        try await expect(fleet, ["exec", "bob", "x"], code: 3, ["bob"])
        try await expect(fleet, ["run", fleet.home + "/none.lua"], code: 3, ["none.lua"])
        try await expect(fleet, ["run", fleet.home + "/syntax.lua"], code: 1, ["syntax.lua:"])
        try await expect(fleet, ["spwan"], code: 2, ["spwan"])
        try await expect(fleet, ["spawn", "--nmae", "x"], code: 2, ["nmae"])
        // The script with the syntax error ran in alice: nothing else was started.
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 1)
        #expect(try await fleet.ok("exec", "alice", "return 1") == "1")
      }
    }

    private func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func expect(
      _ fleet: FleetFixture, _ arguments: [String], code: Int32, _ words: [String],
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let result = try await fleet.run(Built.program("fleet"), arguments)
      #expect(result.code == code, "\(arguments): \(result)", sourceLocation: sourceLocation)
      for word in words {
        #expect(result.errors.contains(word), "\(arguments): \(result)", sourceLocation: sourceLocation)
      }
    }

    @Test func `a bad fleet.toml keeps the host from starting and says where`() async throws {
      try await FleetFixture.with(configuration: "[polices]\nroute = \"x.lua\"\n") { fleet in
        let result = try await fleet.fleet("up")
        #expect(result.code == 2)
        #expect(result.errors.contains("fleet.toml:5"))
        #expect(result.errors.contains("policies"))
        try FileManager.default.removeItem(atPath: fleet.home + "/fleet.toml")
      }
    }

    @Test func `a damaged registry is set aside and live kernels are adopted`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--config", "openai.toml", "--name", "alice", "--label", "a=b")
        try await fleet.ok("exec", "alice", "x = 5")
        let before = try await fleet.kernel("alice")
        try await fleet.killHost()
        let database = fleet.home + "/fleet.db"
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + suffix) }
        try Data(repeating: 0x5A, count: 8192).write(to: URL(fileURLWithPath: database))
        let up = try await fleet.fleet("up")
        #expect(up.code == 0)
        let aside = try FileManager.default.contentsOfDirectory(atPath: fleet.home).first {
          $0.hasPrefix("fleet.db.damaged-")
        }
        #expect(
          up.errors.contains("the registry was damaged and is now \(fleet.home)/\(aside ?? "?"); 1 kernel that lived"))
        #expect(try await fleet.ok("status").contains("registry  was damaged when this host started"))
        #expect(try await fleet.ok("doctor").contains("warn  host: pid"))
        let after = try await fleet.kernel("alice")
        for member in ["id", "pid", "port", "config", "labels", "provider"] { #expect(before[member] == after[member]) }
        // When it began, not when it was adopted.
        let times = [before, after].compactMap { $0["started_at"]?.string }.compactMap {
          try? Date($0, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        #expect(times.count == 2 && abs(times[0].timeIntervalSince(times[1])) < 0.5, "\(times)")
        #expect(try await fleet.ok("exec", "alice", "return x") == "5")
      }
    }

    @Test func `an unreadable directory is refused with a reason`() async throws {
      let path = NSTemporaryDirectory() + "fleet-file-\(UUID().uuidString.prefix(8))"
      try "not a directory".write(toFile: path, atomically: true, encoding: .utf8)
      defer { try? FileManager.default.removeItem(atPath: path) }
      try await FleetFixture.with { fleet in
        let result = try await fleet.fleet("--fleet-dir", path, "up")
        let other = try await fleet.fleet("up", "--fleet-dir", path)
        #expect(result.code != 0 && other.code != 0)
        #expect((result.errors + other.errors).contains(path))
      }
    }
  }
}
