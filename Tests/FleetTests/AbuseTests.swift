// Too many at once, too slow, and wrong in every way: the others notice nothing, and nothing is left behind.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Abuse {
    private static let tcp = "[host]\nhttp = \"127.0.0.1:0\"\n"

    private static func script(_ name: String) -> String { Built.package + "/Tests/FleetTests/Python/\(name).py" }

    @Test func `of a hundred that come at once, exactly as many get a kernel as may`() async throws {
      let quota = "[policies]\nadmit = \"policies/owner_quota.lua\"\n[gateway]\nenv = [\"WHO_*\"]\n"
      try await FleetFixture.with(configuration: Self.tcp + quota) { fleet in
        let (url, token) = try await fleet.startWeb()
        let result = try await fleet.run(
          Built.python, [Self.script("burst"), url, token, "100", "/kernels", "/api/kernels"], timeout: .seconds(180))
        let report = try result.json
        let started = try #require(report["started"]?.array)
        let refused = try #require(report["refused"]?.array)
        #expect(started.count == 20 && refused.count == 80, "\(result)")
        #expect(Set(refused) == [[403, "refused", "refused by policy: quota of 20 reached by admin"]])
        // Each kernel sees its own environment, and no one else's.
        for kernel in started {
          #expect(kernel["finds"] == [.string("WHO_\(kernel["number"]?.int ?? -1)")])
        }
        for (path, seen) in try #require(report["lists"]?.object) {
          #expect((seen["ok"]?.int ?? 0) > 1 && seen["other"] == [], "\(path): \(seen)")
        }
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 20)
      }
    }

    @Test func `a request that breaks off is not obeyed`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let port = try #require(url.split(separator: ":").last.map(String.init))
        for rest in [
          #"Content-Length: 50\r\n\r\n"#, #"Content-Length: 50\r\n\r\n{}"#,
          #"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"#, #"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n"#,
        ] {
          let head = #"POST /kernels HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \#(token)\r\n"#
          let script = "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(head)\(rest)' >&3; sleep 0.2; exec 3>&-"
          #expect(try await fleet.run("/bin/bash", ["-c", script]).code == 0)
        }
        // Whatever they started would have begun before this one.
        try await fleet.ok("spawn", "--name", "alice")
        #expect(try await fleet.document("registry")["total_spawned"]?.int == 1)
      }
    }

    @Test func `five hundred slow clients hold up nobody`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let before = try #require(fleet.hostUsage)
        let result = try await fleet.run(
          Built.python, [Self.script("slow"), url, token, "500", "1000"], timeout: .seconds(120))
        let report = try result.json
        #expect(report["clients"]?.int == 500, "\(result)")
        // Ten times what is measured on a busy machine; what it is on a quiet one tells the benchmark `slow`.
        let p99 = try #require(report["among_slow"]?["p99"]?.double)
        #expect(p99 < 1000, "\(report)")
        try await fleet.expectNoMoreDescriptors(than: before)
      }
    }

    @Test func `ten thousand malformed requests leave nothing behind`() async throws {
      let seed = Int.random(in: 0..<1_000_000)
      let quota = "[policies]\nadmit = \"none.lua\"\n"
      try await FleetFixture.with(configuration: Self.tcp + quota) { fleet in
        // A request that is well formed by chance starts nothing.
        try "return { admit = function() return { reject = 'not here' } end }".write(
          toFile: fleet.home + "/none.lua", atomically: true, encoding: .utf8)
        let (url, token) = try await fleet.startWeb()
        let port = try #require(url.split(separator: ":").last.map(String.init))
        func send(_ seed: Int, _ count: Int) async throws -> JSON {
          let arguments = [Self.script("malformed"), "127.0.0.1", port, token, "\(seed)", "\(count)"]
          let result = try await fleet.run(Built.python, arguments, timeout: .seconds(300))
          try #require(result.code == 0, "\(result)")
          return try result.json
        }
        // What is made once is made by now: tables, buffers, threads.
        _ = try await send(seed + 1, 3000)
        let (pid, before) = (fleet.hostPid, try #require(fleet.hostUsage))
        let report = try await send(seed, 10_000)
        let results = try #require(report["results"]?.object)
        for (status, count) in results where status >= "500" || status == "101" || status == "200 " {
          let isFine = status == "none" || status == "left out"
          #expect(isFine, "seed \(seed): \(count) were answered with \(status): \(report["examples"] ?? nil)")
        }
        #expect((results["400"]?.int ?? 0) > 3000, "\(results)")
        #expect(fleet.hostPid == pid)
        try await fleet.expectNoMoreDescriptors(than: before)
        let after = try #require(fleet.hostUsage)
        #expect(after.memory < before.memory + 8 << 20, "seed \(seed): \(before) → \(after)")
        #expect(try await fleet.document("list")["kernels"]?.array?.isEmpty == true)
        #expect(!fleet.hostLog.contains(" error "), "\(fleet.hostLog.suffix(2000))")
      }
    }
  }
}

extension FleetFixture {
  /// What the host's process holds: how many open files of which kind, and memory that is its alone, in bytes.
  var hostUsage: (descriptors: [String: Int], memory: Int)? {
    guard let pid = hostPid,
      let numbers = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"),
      let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
      let kilobytes = line.split(separator: " ").dropFirst().compactMap({ Int($0) }).first
        ?? Int(line.filter(\.isNumber))
    else { return nil }
    let targets = numbers.compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
    }
    let kinds = targets.map { $0.hasPrefix("/") ? $0 : String($0.prefix { $0 != "[" }) }
    return (Dictionary(kinds.map { ($0, 1) }, uniquingKeysWith: +), kilobytes << 10)
  }

  /// Connections may take a while to be closed.
  func expectNoMoreDescriptors(than before: (descriptors: [String: Int], memory: Int)) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let now = try #require(hostUsage).descriptors
      let left = now.filter { $0.value > before.descriptors[$0.key] ?? 0 }
      if left.isEmpty { return }
      try #require(ContinuousClock.now < deadline, "more than before are open: \(left)")
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}
