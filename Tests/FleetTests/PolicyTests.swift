// The routing policy decides, and a bad one costs nobody anything.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct RoutingPolicies {
    private func find(_ policy: String) async throws -> JSON {
      var decision: JSON?
      try await FleetFixture.with(configuration: "[policies]\nroute = \"policy.lua\"\n") { fleet in
        try policy.write(toFile: fleet.home + "/policy.lua", atomically: true, encoding: .utf8)
        try await fleet.ok("spawn", "--name", "alice")
        let found = try await fleet.document("find", "--language", "lua")
        #expect(found["kernel"]?["name"] == "alice")
        decision = found["decision"]
        #expect(try await fleet.ok("status").contains("policy.lua"))
      }
      return try #require(decision)
    }

    @Test(arguments: [
      // On a busy machine its thread may be given up before it is stopped.
      ("return { route = function() while true do end end }", "deadline|did not come back"),
      ("return { route = function() error('no idea') end }", "no idea"),
      ("return { route = function() return { use = 42 } end }", "use"),
      ("return { route = function() return { use = 'kernel-00000000' } end }", "kernel-00000000"),
      ("return { route = function() local t = {} for i = 1, 1e7 do t[i] = i end end }", "memory"),
      ("return { route = function(r, f) return f.nothing.here end }", "policy.lua:1"),
    ])
    func `a policy that fails is replaced by the native rule, which says so`(policy: String, complaint: String)
      async throws
    {
      let decision = try await find(policy)
      #expect(decision["fallback"] == true)
      // Its deadline of 2 ms and the 5 ms that its thread is given to come back, with room for a busy machine.
      #expect(try #require(decision["duration_us"]?.double) < 100_000)
      let error = try #require(decision["error"]?.string)
      #expect(complaint.split(separator: "|").contains { error.contains($0) }, "\(error)")
    }

    @Test func `another policy than the default one, with its reason`() async throws {
      let decision = try await find(
        "return { route = function(request, fleet) return { use = fleet:match(request):first().id }, 'the first' end }")
      #expect(decision["fallback"] == false)
      #expect(decision["reason"] == "the first")
    }

    @Test func `a policy may refuse and may ask for another kernel`() async throws {
      let policy = """
        return { route = function(request, fleet)
          if request.labels.team == "x" then return { reject = "team x has no kernels" } end
          return { spawn = { config = "anthropic.toml" } }, "always a new one"
        end }
        """
      try await FleetFixture.with(configuration: "[policies]\nroute = \"policy.lua\"\n") { fleet in
        try policy.write(toFile: fleet.home + "/policy.lua", atomically: true, encoding: .utf8)
        let refused = try await fleet.fleet("find", "--label", "team=x")
        #expect(refused.code == 4)
        #expect(refused.errors.contains("team x has no kernels"))
        let found = try await fleet.document("find")
        #expect(found["kernel"]?["provider"] == "anthropic")
        #expect(found["decision"]?["spawned"] == true)
      }
    }

    @Test func `concurrent requests for the same thing share one new kernel`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("up")
        let ids = try await withThrowingTaskGroup { group in
          for _ in 0..<8 { group.addTask { try await fleet.document("find", "--provider", "openai")["kernel"]?["id"] } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(ids).count == 1)
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 1)
      }
    }

    @Test func `the same session key finds the same kernel again`() async throws {
      try await FleetFixture.with { fleet in
        let first = try await fleet.document("find", "--session", "tab-1")["kernel"]?["id"]
        try await fleet.ok("spawn")
        try await fleet.ok("spawn")
        for _ in 0..<3 { #expect(try await fleet.document("find", "--session", "tab-1")["kernel"]?["id"] == first) }
      }
    }
  }
}
