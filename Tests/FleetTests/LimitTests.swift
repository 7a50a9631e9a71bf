// People put other people's code on a host: what one kernel does to itself, the others do not notice.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct LimitsHold {
    /// What holds the limits of this machine, by `fleet doctor`'s trial; printed, so that nobody takes for tried what was not.
    private static func isHeld(_ limit: String, _ fleet: FleetFixture, by group: Bool = false) async throws -> Bool {
      let checks = try await fleet.run(Built.program("fleet"), ["doctor", "--json"]).json["checks"]?.array ?? []
      let line = checks.first { $0["check"] == "limits" }?["detail"]?.string ?? ""
      let held = line.split(separator: ";").first { part in
        part.contains(" by ") && part.split { " ,".contains($0) }.contains { $0 == limit }
      }
      let isHeld = held.map { !group || $0.contains("by cgroup") } ?? false
      if !isHeld { print("LimitsHold: \(limit) is not tried here: \(line)") }
      return isHeld
    }

    private static let hog = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"

    /// Two kernels beside the one that misbehaves, with something in their memory.
    private static func neighbours(_ fleet: FleetFixture) async throws {
      for name in ["alice", "bob"] {
        try await fleet.ok("spawn", "--name", name)
        try await fleet.ok("exec", name, "x = '\(name)'")
      }
    }

    private static func expectNeighbours(_ fleet: FleetFixture) async throws {
      for name in ["alice", "bob"] {
        #expect(try await fleet.ok("exec", name, "return x") == name)
        #expect(try await fleet.kernel(name)["restarts"]?.int == 0)
      }
    }

    @Test func `a memory hog dies alone, and everybody is told why`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("memory", fleet, by: true) else { return }
        try await Self.neighbours(fleet)
        try await fleet.ok("spawn", "--name", "hog", "--memory", "64M")
        let result = try await fleet.fleet("exec", "hog", Self.hog)
        #expect(result.code == 1)
        #expect(
          result.errors.contains("hog ended while it ran the code (out of memory: its limit of 64 MiB)"), "\(result)")
        try await eventually("the hog to be there again") { try await fleet.kernel("hog")["status"] == "idle" }
        let shown = try await fleet.ok("show", "hog")
        #expect(shown.contains("out of memory: its limit of 64 MiB"))
        #expect(try await fleet.kernel("hog")["exit"]?["reason"] == "out of memory: its limit of 64 MiB")
        try await Self.expectNeighbours(fleet)
      }
    }

    @Test func `what is killed inside a kernel is counted, and the kernel lives`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("memory", fleet, by: true) else { return }
        try await fleet.ok("spawn", "--name", "parent", "--memory", "64M")
        let pid = try await fleet.kernel("parent")["pid"]
        #expect(try await fleet.kernel("parent")["out_of_memory_kills"] == 0)
        try await fleet.ok("exec", "parent", "os.execute([[sh -c 'x=a; while :; do x=$x$x; done']])")
        let shown = try await fleet.ok("show", "parent")
        #expect(
          shown.contains("oom kills     1: processes that it started were killed for want of memory; its limit is 64M"),
          "\(shown)")
        #expect(try await fleet.kernel("parent")["pid"] == pid)
      }
    }

    @Test func `a fork bomb is held, and goes with its kernel`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("processes", fleet, by: true) else { return }
        try await Self.neighbours(fleet)
        try await fleet.ok("spawn", "--name", "bomb", "--processes", "64")
        let shim = Int32(try #require(try await fleet.kernel("bomb")["shim_pid"]?.int))
        let code = "os.execute([[bash -c 'bomb() { bomb | bomb & }; bomb; sleep 1000' 2>/dev/null]])"
        let running = try fleet.start("exec", "bomb", code)
        // As full as it may be, or nearly: the last ones come and go.
        try await eventually("the bomb") { Processes.below(shim).count > 32 }
        #expect(Processes.below(shim).count <= 64)
        try await Self.expectNeighbours(fleet)
        let bomb = Processes.below(shim)
        try await fleet.ok("stop", "bomb", "--force")
        _ = try await running.finish()
        #expect(Processes.below(shim).isEmpty)
        #expect(bomb.allSatisfy { !FleetFixture.isAlive($0) || !Processes.isFrom(fleet.home, $0) })
        try await Self.expectNeighbours(fleet)
      }
    }

    @Test func `open files end at the limit, and the kernel goes on`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("open_files", fleet) else { return }
        try await Self.neighbours(fleet)
        try await fleet.ok("spawn", "--name", "opener", "--open-files", "200")
        let code = """
          local kept, why = {}
          for i = 1, 100000 do
            local file, message = io.open('/dev/null')
            if not file then why = message break end
            kept[#kept + 1] = file
          end
          return #kept < 200, why
          """
        let said = try await fleet.ok("exec", "opener", code)
        #expect(said.hasPrefix("true") && said.contains("Too many open files"), "\(said)")
        #expect(try await fleet.ok("exec", "opener", "collectgarbage() return 1") == "1")
        try await Self.expectNeighbours(fleet)
      }
    }

    @Test func `a file that grows too large is named as the reason`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("file_size", fleet) else { return }
        try await fleet.ok("spawn", "--name", "writer", "--file-size", "1M")
        let path = fleet.home + "/large"
        let code = "local f = io.open('\(path)', 'w') for i = 1, 1e6 do f:write(('x'):rep(1000)) end"
        let result = try await fleet.fleet("exec", "writer", code)
        #expect(result.code == 1)
        #expect(
          result.errors.contains("killed by SIGXFSZ: it wrote a file larger than its limit of 1 MiB"), "\(result)")
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(size.map { $0 <= 1 << 20 } == true)
        #expect(try await fleet.ok("show", "writer").contains("it wrote a file larger than its limit of 1 MiB"))
      }
    }

    /// The exact share is a benchmark's; here only that the limit is one.
    @Test func `a busy loop gets its share and no more`() async throws {
      try await FleetFixture.with { fleet in
        guard try await Self.isHeld("cpu", fleet) else { return }
        try await fleet.ok("spawn", "--name", "loop", "--cpu", "0.25")
        let pid = Int32(try #require(try await fleet.kernel("loop")["pid"]?.int))
        let running = try fleet.start("exec", "loop", "while true do end")
        try await eventually("the loop") { Processes.cpuSeconds(pid) > 0.5 }
        let (start, used) = (ContinuousClock.now, Processes.cpuSeconds(pid))
        try await eventually("a second of its time") { Processes.cpuSeconds(pid) - used >= 1 }
        let share = (Processes.cpuSeconds(pid) - used) / (ContinuousClock.now - start).seconds
        #expect(share < 0.32, "its share is \(share)")
        try await fleet.ok("stop", "loop", "--force")
        _ = try await running.finish()
      }
    }

    @Test func `what cannot be enforced is refused, or told`() async throws {
      try await FleetFixture.with { fleet in
        for (arguments, word) in [
          (["--memory", "half"], "half"), (["--file-size", "4K"], "64K"), (["--cpu", "none"], "none"),
          (["--processes", "0"], "0"), (["--processes", "3"], "4"), (["--open-files", "3"], "32"),
          (["--nice", "20"], "19"),
        ] {
          let result = try await fleet.run(Built.program("fleet"), ["spawn"] + arguments)
          #expect(result.code == 2 && result.errors.contains(word), "\(arguments): \(result)")
        }
        let doctor = try await fleet.run(Built.program("fleet"), ["doctor", "--json"])
        let checks = try #require(try doctor.json["checks"]?.array)
        let limits = try #require(checks.first { $0["check"] == "limits" }?["detail"]?.string)
        for name in ["memory", "cpu", "processes", "open_files", "file_size", "nice"] {
          #expect(limits.contains(name), "\(limits)")
        }
        #expect(checks.first { $0["check"] == "hardening" }?["detail"]?.string?.contains("no_new_privs") == true)
      }
    }

    @Test func `a shim that is killed takes its kernel along, and the host says so`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let before = try await fleet.kernel("alice")
        let pid = Int32(try #require(before["pid"]?.int))
        kill(Int32(try #require(before["shim_pid"]?.int)), SIGKILL)
        try await eventually("the kernel to be gone") { !FleetFixture.isAlive(pid) }
        try await eventually("another one") {
          let kernel = try await fleet.kernel("alice")
          return kernel["status"] == "idle" && kernel["pid"] != before["pid"]
        }
        #expect(try await fleet.ok("show", "alice").contains("its shim was killed, and the kernel with it"))
      }
    }

    @Test func `who ended while no host ran is told so by the next one`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let pid = Int32(try #require(try await fleet.kernel("alice")["pid"]?.int))
        try await fleet.killHost()
        kill(pid, SIGKILL)
        try await eventually("the kernel to be gone") { !FleetFixture.isAlive(pid) }
        try await fleet.ok("up")
        let shown = try await fleet.ok("show", "alice")
        #expect(shown.contains("killed by SIGKILL, while no host ran"), "\(shown)")
      }
    }

    @Test func `an idle kernel that ends by itself says why`() async throws {
      let spec = """
        [kernelspecs.short]
        argv = ["\(Built.program("fleet-kernel"))", "start", "-f", "{connection_file}", "--idle-timeout", "1"]
        language = "lua"
        """
      try await FleetFixture.with(configuration: spec) { fleet in
        try await fleet.ok("spawn", "--kernelspec", "short", "--name", "alice")
        try await eventually("its end") { try await fleet.kernel("alice")["status"] == "exited" }
        #expect(try await fleet.ok("show", "alice").contains("nobody had used it for as long as its idle time-out"))
      }
    }

    /// Its state and its own files are where it may write; the files of others are not.
    @Test func `a hardened kernel works, and cannot touch the fleet`() async throws {
      try await FleetFixture.with { fleet in
        let config = fleet.home + "/hard.toml"
        let text = "[kernel]\nlanguage = \"lua\"\n[hardening]\nlandlock = true\nseccomp = true\n"
        try text.write(toFile: config, atomically: true, encoding: .utf8)
        let spawned = try await fleet.fleet("spawn", config, "--name", "hard")
        if spawned.code != 0, spawned.errors.contains("is not possible") {
          return print("LimitsHold: hardening is not tried here: \(spawned.errors)")
        }
        #expect(spawned.code == 0, "\(spawned)")
        try await fleet.ok("spawn", "--name", "alice")
        let alice = try #require(try await fleet.kernel("alice")["connection_file"]?.string)
        let hard = try #require(try await fleet.kernel("hard")["id"]?.string)
        #expect(try await fleet.ok("exec", "hard", "state.set('x', 6) return state.get('x')") == "6")
        #expect(
          try await fleet.ok("exec", "hard", "local f = io.open('mine', 'w') f:write('x') f:close() return 1") == "1")
        for path in [alice, fleet.home + "/fleet.db", fleet.home + "/made"] {
          let said = try await fleet.ok("exec", "hard", "return select(2, io.open('\(path)', 'a'))")
          #expect(said.contains("Permission denied"), "\(path): \(said)")
        }
        // A restart finds the state again; a stop takes everything.
        try await fleet.ok("restart", "hard")
        #expect(try await fleet.ok("exec", "hard", "return state.get('x')") == "6")
        #expect(FileManager.default.fileExists(atPath: "\(fleet.home)/\(hard).d/mine"))
        try await fleet.ok("stop", "hard")
        try await eventually("its files to go") { !FileManager.default.fileExists(atPath: "\(fleet.home)/\(hard).d") }
        #expect(try await fleet.ok("exec", "alice", "return 1") == "1")
      }
    }
  }
}

/// What /proc tells.
private enum Processes {
  /// Living processes whose ancestor is `root`.
  static func below(_ root: Int32) -> [Int32] {
    var parents: [Int32: Int32] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(name), let fields = stat(pid), fields[0] != "Z", let parent = Int32(fields[1]) else {
        continue
      }
      parents[pid] = parent
    }
    return parents.keys.filter { pid in
      var at = pid
      for _ in 0..<256 {
        guard let parent = parents[at] else { return false }
        if parent == root { return true }
        at = parent
      }
      return false
    }
  }

  /// A pid may be somebody else's by now.
  static func isFrom(_ home: String, _ pid: Int32) -> Bool {
    let variables = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
    return String(decoding: variables, as: UTF8.self).contains("FLEET_HOME=\(home)")
  }

  static func cpuSeconds(_ pid: Int32) -> Double {
    guard let fields = stat(pid), fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
    else {
      return 0
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// The fields of /proc/PID/stat behind the name: state, parent, …
  private static func stat(_ pid: Int32) -> [String]? {
    let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return text?.split(separator: ")").last.map { $0.split(separator: " ").map(String.init) }
  }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
