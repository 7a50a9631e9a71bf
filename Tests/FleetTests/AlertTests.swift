// Alerts of a real host: about a kernel, and about a policy that decides nothing any more.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Alerts {
    @Test func `an alert names its kernel, and a policy that is set aside is an alert`() async throws {
      let configuration = """
        [policies]
        alert = ["named.lua", "failing.lua"]
        [alerts]
        interval = "200ms"
        """
      try await FleetFixture.with(configuration: configuration) { fleet in
        let named = """
          return { alert = function(fleet)
            local found = {}
            for kernel in fleet:each() do found[#found + 1] = { name = "Exists", kernel = kernel } end
            return found
          end }
          """
        try named.write(toFile: fleet.home + "/named.lua", atomically: true, encoding: .utf8)
        let failing = "return { alert = function() error('out of ideas') end }"
        try failing.write(toFile: fleet.home + "/failing.lua", atomically: true, encoding: .utf8)
        try await fleet.ok("spawn", "--name", "alice")
        let id = try #require(try await fleet.kernel("alice")["id"]?.string)
        try await eventually("the failing policy to be set aside, and the other one to be heard") {
          let alerts = try await fleet.fleet("alerts", "--json").json["alerts"]?.array ?? []
          return alerts.contains { $0["name"] == "Exists" && $0["kernel"]?.string?.contains(id.dropFirst(7)) == true }
            && alerts.contains { $0["name"] == "PolicyOut" && $0["summary"]?.string?.contains("out of ideas") == true }
        }
      }
    }
  }
}
