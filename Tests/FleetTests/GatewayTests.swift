// Jupyter's own clients against a real host: Jupyter Server with its gateway managers, VS Code's requests, JupyterLab in
// a browser.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Gateway {
    private static func tcp(_ port: Int = 0, _ more: String = "") -> String {
      "[host]\nhttp = \"127.0.0.1:\(port)\"\n\(more)"
    }

    /// Runs a script of Tests/FleetTests/Python, which says "ok" when all went well.
    private func script(_ fleet: FleetFixture, _ name: String, _ arguments: [String]) async throws {
      let path = Built.package + "/Tests/FleetTests/Python/" + name
      let result = try await fleet.run(
        try Built.python, [path] + arguments, environment: ["HOME": fleet.home, "NO_PROXY": "*"], timeout: .seconds(240)
      )
      #expect(result.code == 0 && result.output.hasSuffix("ok\n"), "\(result)\n\(fleet.hostLog)")
    }

    @Test func `Jupyter Server's gateway managers make every call without a warning`() async throws {
      try await FleetFixture.with(configuration: Self.tcp()) { fleet in
        let (url, token) = try await fleet.startWeb()
        try await script(fleet, "gateway_client.py", [url, token])
      }
    }

    @Test func `the requests of VS Code are answered as Jupyter Server would`() async throws {
      try await FleetFixture.with(configuration: Self.tcp()) { fleet in
        let (url, token) = try await fleet.startWeb()
        try await script(fleet, "vscode.py", [url, token])
      }
    }

    @Test(.enabled(if: Browser.isThere)) func `JupyterLab works on through a crash of the host`() async throws {
      try await FleetFixture.with(configuration: Self.tcp(FleetFixture.freePort())) { fleet in
        let (url, token) = try await fleet.startWeb()
        let script = Built.package + "/Tests/Browser/lab_gateway.py"
        let result = try await fleet.run(
          try Built.python, [script, Built.program("fleet"), url, token, fleet.home + "/lab-test"],
          timeout: .seconds(600))
        #expect(result.code == 0 && result.output.hasSuffix("ok\n"), "\(result)\n\(fleet.hostLog)")
      }
    }

    @Test func `what Jupyter is told of a kernel survives a crash of the host`() async throws {
      try await FleetFixture.with(configuration: Self.tcp(FleetFixture.freePort())) { fleet in
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: token \(token)"
        let body = "{\"path\":\"x.ipynb\",\"type\":\"notebook\",\"name\":\"x\",\"kernel\":{\"name\":\"lua\"}}"
        let made = try await fleet.curl("-H", bearer, "\(url)/api/sessions", "-d", body)
        #expect(made.status == 201)
        let id = try #require(made.body["kernel"]?["id"]?.string)
        try await fleet.ok("exec", id, "x = 42")
        try await fleet.killHost()
        #expect(try await fleet.startWeb().url == url)
        let sessions = try await fleet.curl("-H", bearer, "\(url)/api/sessions")
        #expect(sessions.body[0]?["id"] == made.body["id"] && sessions.body[0]?["kernel"]?["id"] == .string(id))
        #expect(try await fleet.ok("exec", id, "return x") == "42")
        #expect(try await fleet.curl("-H", bearer, "\(url)/api/sessions", "-d", body).body["id"] == made.body["id"])
      }
    }

    @Test func `a variable of a request that would be code is refused, and no one else's is seen`() async throws {
      try await FleetFixture.with(configuration: Self.tcp(0, "[gateway]\nenv = [\"KERNEL_*\", \"MINE\"]\n")) { fleet in
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: token \(token)"
        let evil = try await fleet.curl(
          "-H", bearer, "\(url)/kernels", "-d", "{\"env_vars\":{\"LD_PRELOAD\":\"/evil.so\",\"MINE\":\"1\"}}")
        #expect(evil.status == 400 && evil.body["error"]?.string?.contains("LD_PRELOAD") == true, "\(evil)")
        // Whoever may enter the fleet directory is the kernels' user.
        try await fleet.ok("spawn", "--name", "own", "--env", "LUA_PATH=/mine/?.lua")
        #expect(try await fleet.ok("exec", "own", "return os.getenv('LUA_PATH')") == "/mine/?.lua")
        let made = try await fleet.curl(
          "-H", bearer, "\(url)/api/kernels", "-d",
          "{\"name\":\"lua\",\"env\":{\"LD_PRELOAD\":\"/evil.so\",\"MINE\":\"1\",\"KERNEL_USERNAME\":\"ann\"}}")
        #expect(made.status == 201)
        let id = try #require(made.body["id"]?.string)
        let seen = "print(os.getenv('LD_PRELOAD'), os.getenv('MINE'), os.getenv('KERNEL_USERNAME'))"
        #expect(try await fleet.ok("exec", id, seen) == "nil\t1\tann")
        #expect(try await fleet.ok("exec", "own", seen) == "nil\tnil\tnil")
      }
    }

    @Test func `a limit answers all but as many as it allows, and the list goes on`() async throws {
      let policy = """
        return {
          admit = function(request, fleet)
            if #fleet:where{ owner = request.owner } >= 4 then return { reject = "four notebooks are enough" } end
            return { allow = true }
          end,
        }
        """
      try await FleetFixture.with(configuration: Self.tcp(0, "[policies]\nadmit = \"four.lua\"\n")) { fleet in
        try fleet.write(policy, to: "four.lua")
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: token \(token)"
        let statuses = try await withThrowingTaskGroup(of: (Int, JSON).self) { group in
          for _ in 1...12 {
            group.addTask {
              let answer = try await fleet.curl("-H", bearer, "\(url)/api/kernels", "-d", "{\"name\":\"lua\"}")
              return (answer.status, answer.body)
            }
          }
          for _ in 1...4 {
            group.addTask { (try await fleet.curl("-H", bearer, "\(url)/api/kernels").status, .null) }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0.0 == 201 } == 4)
        #expect(statuses.count { $0.0 == 200 } == 4)
        let refused = statuses.filter { $0.0 == 403 }
        #expect(refused.count == 8)
        #expect(refused.allSatisfy { $0.1["message"] == "refused by policy: four notebooks are enough" }, "\(refused)")
        #expect(refused.allSatisfy { $0.1["reason"] == "Forbidden" && $0.1["code"] == "refused" })
      }
    }

    @Test func `cull_idle ends what nobody uses`() async throws {
      // The shipped policy, and later the same with half a second in the place of two hours.
      let shipped = try String(contentsOfFile: Built.package + "/policies/cull_idle.lua", encoding: .utf8)
      let quick = shipped.replacingOccurrences(of: "= 2 * 3600,", with: "= 0.5,")
      try #require(quick != shipped)
      let configuration = Self.tcp(
        0, "[policies]\nscale = \"culls.lua\"\n[gateway]\ncull_interval = \"200ms\"\n[metrics]\ninterval = \"1s\"\n")
      try await FleetFixture.with(configuration: configuration) { fleet in
        try fleet.write(shipped, to: "culls.lua")
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: token \(token)"
        let body = "{\"path\":\"x.ipynb\",\"type\":\"notebook\",\"kernel\":{\"name\":\"lua\"}}"
        let made = try await fleet.curl("-H", bearer, "\(url)/api/sessions", "-d", body)
        let id = try #require(made.body["kernel"]?["id"]?.string)
        try await fleet.ok("spawn", "--name", "stays")
        try await fleet.ok("exec", id, "x = 1")
        #expect(try await fleet.curl("-H", bearer, "\(url)/api/kernels").body.array?.count == 2)
        try fleet.write(quick, to: "culls.lua")
        try await fleet.ok("policy", "reload")
        try await eventually("the kernel to be culled") {
          try await fleet.curl("-H", bearer, "\(url)/api/kernels").body.array?.count == 1
        }
        #expect(try await fleet.curl("-H", bearer, "\(url)/api/sessions").body == [])
        #expect(try await fleet.kernel("stays")["status"] == "idle")
        #expect(fleet.hostLog.contains("draining: culled: 1 idle for long"))
      }
    }
  }

  private enum Browser {
    static let isThere = ["chromium", "chromium-browser", "google-chrome"].contains {
      FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
    }
  }
}
