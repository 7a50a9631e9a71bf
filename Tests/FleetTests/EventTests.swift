// What happens, as people and programs follow it: on the command line, and as server-sent events.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Events {
    private static let tcp = "[host]\nhttp = \"127.0.0.1:0\"\n"

    private func types(_ output: String) -> [String] {
      output.split(separator: "\n").compactMap { (try? JSON(parsing: String($0)))?["type"]?.string }
    }

    @Test func `events are followed on the command line, also through a restart of the host`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("up")
        let following = try fleet.start("events", "-f", "--json", "-n", "0")
        try await eventually("the follower to be there") { try await fleet.document("metrics")["timestamp"] != nil }
        try await fleet.ok("spawn", "--name", "alice")
        try await eventually("its start to be told") { types(following.output).contains("ready") }
        try await fleet.ok("exec", "alice", "return 1")
        try await eventually("its work to be told") { types(following.output).suffix(2) == ["busy", "idle"] }
        try await fleet.ok("down")
        try await fleet.ok("up")
        try await eventually("the new host to be told of") { types(following.output).contains("adopted") }
        try await fleet.ok("stop", "alice")
        try await eventually("its end to be told") { types(following.output).contains("stopped") }
        kill(following.pid, SIGTERM)
        _ = try await following.finish()
        let seen = types(following.output).filter { $0 != "busy" && $0 != "idle" }
        #expect(seen == ["spawned", "ready", "adopted", "stopping", "stopped"])

        let kept = try await fleet.document("events")["events"]?.array ?? []
        #expect(kept.compactMap { $0["type"]?.string }.prefix(2) == ["spawned", "ready"])
        #expect(kept.allSatisfy { $0["name"] == "alice" })
        let died = try await fleet.document(
          "events", "--type", "stopping,stopped", "--kernel", kept[0]["kernel"]?.string ?? "")
        #expect(died["events"]?.array?.count == 2)
        let wrong = try await fleet.fleet("events", "--type", "dead")
        #expect(wrong.code == 2 && wrong.errors.contains("died"), "\(wrong)")
        #expect(try await fleet.fleet("events", "--kernel", "nobody").code == 3)
        #expect(try await fleet.ok("events", "-n", "1").contains(" stopped kernel-"))
      }
    }

    @Test func `a browser goes on where it was`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: Bearer \(token)"
        func follow(_ more: [String] = []) throws -> RunningCommand {
          try RunningCommand(
            "/usr/bin/curl", ["-s", "-N", "-i", "-m", "60", "-H", bearer, "\(url)/events"] + more,
            environment: fleet.variables)
        }
        let stream = try follow()
        try await eventually("the stream to begin") { stream.output.contains("\nid: ") }
        #expect(stream.output.lowercased().contains("content-type: text/event-stream"))
        try await fleet.ok("spawn", "--name", "alice")
        try await eventually("the start") { stream.output.contains("event: ready\ndata: {") }
        let place = try #require(
          stream.output.split(separator: "\n").last { $0.hasPrefix("id: ") }?.dropFirst("id: ".count))
        kill(stream.pid, SIGTERM)
        try await fleet.ok("stop", "alice")
        let later = try follow(["-H", "Last-Event-ID: \(place)"])
        try await eventually("what was missed") { later.output.contains("event: stopped\n") }
        #expect(!later.output.contains("event: ready\n") && !later.output.contains("event: reset\n"))
        kill(later.pid, SIGTERM)
        let lost = try follow(["-H", "Last-Event-ID: 1-1"])
        try await eventually("the word that something is gone") { lost.output.contains("event: reset\n") }
        // The host does not wait for those who follow it.
        let begun = ContinuousClock.now
        try await fleet.ok("down")
        #expect(ContinuousClock.now - begun < .seconds(5))
        #expect(try await lost.finish().code == 0, "the stream ends as it should")
      }
    }

    @Test func `alerts that people know of are told to nobody`() async throws {
      try await FleetFixture.with(configuration: "[alerts]\ninterval = \"100ms\"\n[policies]\nalert = \"always.lua\"\n")
      { fleet in
        let policy = """
          return {
            alert = function(fleet)
              return { { name = "Always", severity = "warning", summary = "it is always so", labels = { team = "a" } } }
            end,
          }
          """
        try policy.write(toFile: fleet.home + "/always.lua", atomically: true, encoding: .utf8)
        try await fleet.ok("up")
        try await eventually("the alert") { try await fleet.fleet("alerts").code == 1 }
        let refused = try await fleet.fleet("alerts", "silence", "--for", "1h")
        #expect(refused.code == 2, "\(refused)")
        let silence = try await fleet.document("alerts", "silence", "Always", "--label", "team=a", "--for", "1h")
        let id = try #require(silence["silence"]?["id"]?.string)
        let shown = try await fleet.fleet("alerts", "--json")
        #expect(try shown.json["alerts"]?[0]?["silenced_by"] == [.string(id)])
        #expect(shown.code == 0, "somebody knows of it")
        // It outlives the host.
        try await fleet.killHost()
        try await fleet.ok("up")
        #expect(try await fleet.document("alerts", "silences")["silences"]?[0]?["id"] == .string(id))
        try await fleet.ok("alerts", "unsilence", id)
        #expect(try await fleet.fleet("alerts", "unsilence", id).code == 3)
        #expect(try await fleet.ok("alerts", "silences") == "no silences")
      }
    }
  }
}
