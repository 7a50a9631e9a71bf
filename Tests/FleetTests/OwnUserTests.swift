// uid_range: each kernel is a user of its own, to the system, to the other kernels and to the host.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite(.enabled(if: geteuid() == 0, "only root can give kernels users of their own"))
  struct OwnUsers {
    private static let first = 1_000_000
    private static let configuration = "[hardening]\nuid_range = \"\(first)-\(first + 65535)\"\n"

    /// The answer of the host to a kernel that asks on the control socket: status and body.
    private static func ask(_ fleet: FleetFixture, _ kernel: String, _ request: String) async throws -> (Int, JSON) {
      let curl = "curl -s --max-time 20 -w '\\n%{http_code}' --unix-socket $FLEET_SOCKET \(request)"
      let said = try await fleet.ok("exec", kernel, "print(io.popen([[\(curl)]]):read('a'))")
      let lines = said.split(separator: "\n").map(String.init)
      let status = try #require(lines.last.flatMap { Int($0) }, "\(said)")
      return (status, (try? JSON(parsing: lines.dropLast().joined(separator: "\n"))) ?? .null)
    }

    /// False, and said, where the programs of this build are in a directory that is closed to other users.
    private static func spawn(_ fleet: FleetFixture, _ arguments: String...) async throws -> Bool {
      let result = try await fleet.run(Built.program("fleet"), ["spawn"] + arguments)
      if result.code != 0, result.errors.contains("is closed") {
        print("OwnUsers: not tried here: \(result.errors)")
        return false
      }
      try #require(result.code == 0, "\(result)")
      return true
    }

    @Test func `no kernel can read or signal another one, and all of them work`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        guard try await Self.spawn(fleet, "--name", "a") else { return }
        try await fleet.ok("spawn", "--name", "b")
        let (a, b) = (try await fleet.kernel("a"), try await fleet.kernel("b"))
        let who = try await fleet.ok("exec", "a", "return io.popen('id -u; id -g'):read('a')")
        #expect(
          who.split(whereSeparator: \.isNewline).map(String.init) == ["\(Self.first + 1)", "\(Self.first + 1)"])
        let rights = try await fleet.ok(
          "exec", "a", "return io.open('/proc/self/status'):read('a'):match('CapEff:%s*(%x+)')")
        #expect(Int(rights, radix: 16) == 0)
        let other = try #require(b["connection_file"]?.string)
        let (own, pid) = (try #require(a["connection_file"]?.string), try #require(b["pid"]?.int))
        #expect(try await fleet.ok("exec", "a", "return io.open('\(own)') ~= nil") == "true")
        for path in [other, fleet.home + "/fleet.db", "/proc/\(pid)/environ"] {
          let said = try await fleet.ok("exec", "a", "return select(2, io.open('\(path)'))")
          #expect(said.contains("Permission denied"), "\(path): \(said)")
        }
        for path in [own, fleet.home + "/made", fleet.home + "/fleet.toml"] {
          let said = try await fleet.ok("exec", "a", "return select(2, io.open('\(path)', 'a'))")
          #expect(said.contains("Permission denied"), "\(path): \(said)")
        }
        #expect(
          try await fleet.ok("exec", "a", "return io.popen('ls .. 2>&1'):read('a')").contains("Permission denied"))
        #expect(try await fleet.ok("exec", "a", "return io.popen('kill \(pid) 2>&1'):read('a')").contains("ermitted"))
        // What it prints by other ways goes into the same log.
        try await fleet.ok("exec", "a", "os.execute('echo seen > /dev/stderr')")
        #expect(try await fleet.ok("exec", "b", "return 6 * 7") == "42")
      }
    }

    @Test func `its state is there after a restart, after a crash of the host, and gone when it is stopped`()
      async throws
    {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        guard try await Self.spawn(fleet, "--name", "a") else { return }
        let id = try #require(try await fleet.kernel("a")["id"]?.string)
        try await fleet.ok("exec", "a", "state.set('x', 6) local f = io.open('mine', 'w') f:write('x') f:close()")
        try await fleet.ok("restart", "a")
        #expect(try await fleet.ok("exec", "a", "y = 2 return state.get('x')") == "6")
        try await fleet.killHost()
        #expect(try await fleet.ok("exec", "a", "return y * state.get('x')") == "12")
        #expect(try await Self.ask(fleet, "a", "http://fleet/kernels/a").0 == 200)
        #expect(FileManager.default.fileExists(atPath: "\(fleet.home)/\(id).d/mine"))
        try await fleet.ok("stop", "a")
        try await eventually("its files to go") { !FileManager.default.fileExists(atPath: "\(fleet.home)/\(id).d") }
      }
    }

    @Test func `a kernel asks the host as its owner, and may no more`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        guard try await Self.spawn(fleet, "--name", "a", "--owner", "ann") else { return }
        try await fleet.ok("spawn", "--name", "a2", "--owner", "ann")
        try await fleet.ok("spawn", "--name", "b", "--owner", "bob")
        try await fleet.ok("spawn", "--name", "n")
        func names(_ kernel: String) async throws -> [String] {
          let (status, body) = try await Self.ask(fleet, kernel, "http://fleet/kernels")
          #expect(status == 200)
          return (body["kernels"]?.array ?? []).compactMap { $0["name"]?.string }
        }
        #expect(try await names("a") == ["a", "a2"])
        #expect(try await names("n") == ["n"])
        // What nobody owns is nobody's to take: it may be somebody's tomorrow.
        #expect(try await fleet.ok("exec", "n", "return require('fleet').spawn{name = 'n2'}.name") == "n2")
        #expect(try await names("n") == ["n", "n2"])
        #expect(try await Self.ask(fleet, "n2", "http://fleet/kernels/n/connection").0 == 404)
        // By asking it gets no more than it has.
        try await fleet.ok(
          "spawn", "--name", "small", "--owner", "ann", "--processes", "40", "--nice", "3", "--best-effort")
        let ask = "require('fleet').spawn{name = 'child', processes = 99, nice = -20, best_effort = true}.name"
        #expect(try await fleet.ok("exec", "small", "return \(ask)") == "child")
        let child = try await fleet.kernel("child")
        #expect(child["processes"] == 40 && child["nice"] == 3, "\(child)")
        // The host reads files with other rights than the kernel has.
        let path = "-X POST -d '{\"config\": \"/etc/shadow\"}' http://fleet/kernels"
        let (forbidden, why) = try await Self.ask(fleet, "a", path)
        #expect(forbidden == 403 && why["error"]?.string?.contains("by their names") == true, "\(why)")
        let code = "return require('fleet').get('a2'):exec('return 6 * 7')"
        #expect(try await fleet.ok("exec", "a", code).hasPrefix("42"))
        for request in ["b", "b/connection", "b/logs"] {
          #expect(try await Self.ask(fleet, "a", "http://fleet/kernels/\(request)").0 == 404, "\(request)")
        }
        #expect(try await Self.ask(fleet, "a", "-X DELETE http://fleet/kernels/b").0 == 404)
        for request in ["-X POST http://fleet/shutdown", "-X DELETE http://fleet/kernels", "http://fleet/registry"] {
          let (status, body) = try await Self.ask(fleet, "a", request)
          #expect(status == 403, "\(request)")
          #expect(body["error"]?.string?.hasSuffix("is a kernel, which may not manage") == true, "\(body)")
        }
        // Nor as somebody else.
        let spawn = "-X POST -d '{\"owner\": \"bob\"}' http://fleet/kernels"
        #expect(try await Self.ask(fleet, "a", spawn).0 == 403)
        #expect(try await fleet.ok("exec", "a", "return require('fleet').spawn{name = 'a3'}.owner") == "ann")
      }
    }

    @Test func `a kernel cannot take the connections of others`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        guard try await Self.spawn(fleet, "--name", "a") else { return }
        let greedy = """
          python3 - <<'E'
          import os, socket
          held = []
          for _ in range(200):
              s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(os.environ['FLEET_SOCKET'])
              try:
                  s.sendall(b'GET /health HTTP/1.1\\r\\nHost: fleet\\r\\n\\r\\n')
                  if s.recv(100): held.append(s)
              except OSError: pass
          print(len(held))
          E
          """
        #expect(try await fleet.ok("exec", "a", "return io.popen([[\(greedy)]]):read('n')") == "64")
        try await fleet.ok("spawn", "--name", "b")
      }
    }

    @Test func `uid_range in an hour of need`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "old")
        try await fleet.ok("down")
        let text = try String(contentsOfFile: fleet.home + "/fleet.toml", encoding: .utf8)
        try (text + Self.configuration).write(toFile: fleet.home + "/fleet.toml", atomically: true, encoding: .utf8)
        try await fleet.ok("up")
        #expect(fleet.hostLog.contains("from before uid_range was \(Self.first)-"))
        guard try await Self.spawn(fleet, "--name", "new") else { return }
        // And taken out again: no other user comes to the socket.
        try await fleet.ok("down")
        try text.write(toFile: fleet.home + "/fleet.toml", atomically: true, encoding: .utf8)
        try await fleet.ok("up")
        let said = try await fleet.ok(
          "exec", "new", "return io.popen('curl -s --unix-socket $FLEET_SOCKET http://x/health; echo $?'):read('a')")
        #expect(said.hasPrefix("7"), "\(said)")
        #expect(try await fleet.ok("exec", "old", "return 1") == "1")
      }
    }

    @Test func `a directory that kernels cannot reach is refused`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        chmod(fleet.home, 0o700)
        let inner = fleet.home + "/inner"
        try FileManager.default.createDirectory(
          atPath: inner, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try Self.configuration.write(toFile: inner + "/fleet.toml", atomically: true, encoding: .utf8)
        let result = try await fleet.fleet("up", environment: ["FLEET_HOME": inner])
        #expect(result.code != 0)
        #expect(result.errors.contains("because \(fleet.home) is closed to them"), "\(result)")
        let doctor = try await fleet.fleet("doctor", environment: ["FLEET_HOME": inner])
        #expect(
          doctor.code == 1 && doctor.output.contains("FAIL  trust: uid_range: kernels of other users cannot get to"),
          "\(doctor)")
      }
    }
  }
}
