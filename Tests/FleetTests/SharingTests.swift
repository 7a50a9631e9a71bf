// What a new user does first: kernels for two providers, found again, shared.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Sharing {
    @Test func `two providers, found by provider, each with a state of its own`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--config", "openai.toml", "--name", "alice")
        try await fleet.ok("spawn", "--config", "anthropic.toml", "--name", "bob")
        let found = try await fleet.document("find", "--provider", "openai")
        #expect(found["kernel"]?["name"] == "alice")
        #expect(found["decision"]?["fallback"] == false)
        #expect(found["decision"]?["policy"]?.string?.hasSuffix("least_loaded.lua") == true)
        try await fleet.ok("exec", "alice", "x = 5")
        #expect(try await fleet.ok("exec", "alice", "return x") == "5")
        #expect(try await fleet.ok("exec", "bob", "return x") == "nil")
      }
    }

    @Test func `a second client is told that it shares, and sees the state`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let first = try fleet.start("connect", "alice")
        first.send("x = 41\n")
        try await eventually("the first client to be known") {
          try await fleet.kernel("alice")["clients"]?.array?.count == 1
        }
        let second = try await fleet.fleet("connect", "alice", input: "print(x + 1)\n")
        #expect(second.code == 0)
        #expect((second.output + second.errors).contains("shared with 1 other client"))
        #expect(second.output.contains("42"))
        first.send("", andClose: true)
        #expect(try await first.finish().code == 0)
      }
    }

    @Test func `errors carry a traceback and the exit code of the script`() async throws {
      try await FleetFixture.with { fleet in
        let failed = try await fleet.fleet("exec", "--help")
        #expect(failed.code == 0)
        try await fleet.ok("spawn", "--name", "alice")
        let error = try await fleet.fleet("exec", "alice", "error('boom')")
        #expect(error.code == 1)
        #expect(error.errors.contains("boom"))
        let syntax = try await fleet.fleet("exec", "alice", "if then")
        #expect(syntax.code == 1)
        #expect(syntax.errors.contains("unexpected symbol"))
        #expect(try await fleet.ok("exec", "alice", "print('still here')") == "still here")
      }
    }

    @Test func `state survives kill -9 of its kernel, and stop ends it`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("exec", "alice", "state.set('n', {1, 2, deep = {x = 'y'}})")
        let pid = try #require(try await fleet.kernel("alice")["pid"]?.int)
        kill(Int32(pid), SIGKILL)
        try await eventually("a restart") {
          let kernel = try await fleet.kernel("alice")
          return kernel["status"] == "idle" && kernel["pid"]?.int != pid
        }
        #expect(try await fleet.ok("exec", "alice", "return state.get('n').deep.x") == "y")
        try await fleet.ok("stop", "alice")
        let left = try FileManager.default.contentsOfDirectory(atPath: fleet.home).filter { $0.contains("state.db") }
        #expect(left.isEmpty)
      }
    }
  }
}

/// Tests on real processes: one at a time, because they measure each other's machine.
@Suite(.serialized) struct EndToEnd {}
