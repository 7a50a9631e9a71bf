// Policies are exchanged under a running host: nobody who asks meanwhile is refused, and a bad one replaces nothing.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct PolicyReload {
    private func write(_ policy: String, _ fleet: FleetFixture) throws {
      try policy.write(toFile: fleet.home + "/policy.lua", atomically: true, encoding: .utf8)
    }

    private func policy(_ reason: String) -> String {
      "return { route = function(request, fleet) return { use = fleet:match(request):first().id }, '\(reason)' end }"
    }

    @Test func `a bad policy saved over a good one replaces nothing, and status says so`() async throws {
      try await FleetFixture.with(configuration: "[policies]\nroute = \"policy.lua\"\n") { fleet in
        try write(policy("good"), fleet)
        try await fleet.ok("spawn", "--name", "alice")
        #expect(try await fleet.document("find")["decision"]?["reason"] == "good")
        try write("return { route = function(", fleet)
        try await eventually("the host to see it") {
          try await fleet.ok("status").contains("the file as it is now is not used: policy.lua:1:")
        }
        let decision = try #require(try await fleet.document("find")["decision"])
        #expect(decision["reason"] == "good" && decision["fallback"] == false)
        // Across a restart of the host, too.
        try await fleet.killHost()
        #expect(try await fleet.document("find")["decision"]?["reason"] == "good")
        try write(policy("better"), fleet)
        try await eventually("the mended file") {
          try await fleet.document("find")["decision"]?["reason"] == "better"
        }
        #expect(try await fleet.ok("status").contains("not used") == false)
      }
    }

    @Test func `a policy whose fixtures fail replaces nothing`() async throws {
      try await FleetFixture.with(configuration: "[policies]\nroute = \"policy.lua\"\n") { fleet in
        try write(policy("tested"), fleet)
        let fixture = """
          describe("policy", function()
            it("says that it is tested", function()
              local answer, reason = ask.route({}, fleet{ kernel{} })
              expect(reason):equals("tested")
            end)
          end)
          """
        try fixture.write(toFile: fleet.home + "/policy.test.lua", atomically: true, encoding: .utf8)
        try await fleet.ok("spawn", "--name", "alice")
        // On a busy machine a policy may run out of its two milliseconds.
        func decides(_ reason: JSON) async throws {
          try await eventually("the policy to decide") {
            try await fleet.document("find")["decision"]?["reason"] == reason
          }
        }
        try await decides("tested")
        try write(policy("careless"), fleet)
        let reload = try await fleet.fleet("policy", "reload")
        #expect(reload.code == 1 && (reload.output + reload.errors).contains("1 of its 1 tests failed"), "\(reload)")
        try await decides("tested")
      }
    }

    /// The issue's: swapped while many ask, no request fails, and every decision names the version that made it.
    @Test func `policies are swapped under load`() async throws {
      try await FleetFixture.with(configuration: "[policies]\nroute = \"policy.lua\"\n") { fleet in
        try write(policy("v0"), fleet)
        try await fleet.ok("spawn", "--name", "alice")
        let script = """
          local fleet = require("fleet")
          local seen = {}
          for i = 1, 400 do
            local _, decision = fleet.find{ language = "lua" }
            assert(not decision.fallback and not decision.error, decision.error)
            seen[decision.hash] = seen[decision.hash] or decision.reason
            assert(seen[decision.hash] == decision.reason, "a decision names another version than its own")
          end
          local count = 0
          for _ in pairs(seen) do count = count + 1 end
          print("versions", count)
          """
        try await fleet.ok("spawn", "--name", "asker")
        let asker = try fleet.start("exec", "asker", script)
        for number in 1...8 {
          try write(policy("v\(number)"), fleet)
          try await fleet.ok("policy", "reload")
        }
        let result = try await asker.finish()
        #expect(result.code == 0, "\(result)")
        let versions = Int(
          result.output.split(separator: "\t").last?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")
        #expect(try #require(versions) >= 1)
        #expect(try await fleet.document("find")["decision"]?["reason"] == "v8")
      }
    }
  }
}
