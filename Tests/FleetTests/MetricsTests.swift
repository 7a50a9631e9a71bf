// Metrics of a real fleet: the document, and the text that Prometheus scrapes.

import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Metrics {
    @Test func `kernels and policies are counted, for people and for Prometheus`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("find", "--language", "lua")
        let document = try JSON(parsing: try await fleet.ok("metrics"))
        #expect(document["total_kernels"]?.int == 1 && document["total_spawned"]?.int == 1)
        let kernel = try #require(document["kernels"]?[0])
        #expect(kernel["language"] == "lua" && kernel["connections"]?.int == 0)
        #expect((kernel["memory_mb"]?.double ?? 0) > 0.5 && (kernel["threads"]?.int ?? 0) > 1)
        #expect(kernel["nice"]?.int != nil && (kernel["io"]?["read_count"]?.int ?? 0) > 0)
        #expect(document["aggregated"]?["active_kernels"]?.int == 1)
        #expect(document["aggregated"]?["total_memory_mb"] == kernel["memory_mb"])

        let text = try await fleet.ok("metrics", "--format", "prometheus")
        #expect(text.contains("\nllmspell_kernels_active 1\n"))
        #expect(text.contains("llmspell_kernel_uptime_seconds{kernel_id=\"\(kernel["id"]?.string ?? "")\",port="))
        let policy = "{entry=\"route\",policy=\"least_loaded.lua\",role=\"live\"}"
        #expect(text.contains("fleet_policy_decisions_total\(policy) 1\n"))
        try Self.check(text)
      }
    }

    /// The rules of the format: a family's help and type come once and before its samples, which stand together.
    private static func check(_ text: String) throws {
      var families: [String] = []
      for line in text.split(separator: "\n") {
        if line.hasPrefix("# HELP ") {
          families.append(String(line.dropFirst("# HELP ".count).prefix { $0 != " " }))
          continue
        }
        let family = try #require(families.last)
        if line.hasPrefix("# TYPE ") {
          #expect(line.hasPrefix("# TYPE \(family) "))
        } else {
          let name = line.prefix { $0 != "{" && $0 != " " }
          #expect([family, family + "_bucket", family + "_sum", family + "_count"].contains(String(name)))
          #expect(Double(line.split(separator: " ").last ?? "") != nil)
        }
      }
      #expect(Set(families).count == families.count)
    }
  }
}
