// A client that does not know whether its request arrived sends it again, and gets one kernel.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Idempotency {
    @Test func `a request with a key starts one kernel, however often it comes`() async throws {
      let configuration = "[host]\nhttp = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try fleet.write(
          "[tokens.ann]\ntoken = \"ann-ann-ann-ann-ann\"\n[tokens.bob]\ntoken = \"bob-bob-bob-bob-bob\"\n",
          to: "tokens.toml")
        var url = try await fleet.startWeb().url
        let body = "{\"labels\":{\"team\":\"a\"}}"
        @Sendable func post(
          _ url: String, _ path: String = "/kernels", key: String, who: String = "ann", body: String = body
        ) async throws -> (status: Int, body: JSON) {
          let token = Array(repeating: who, count: 5).joined(separator: "-")
          return try await fleet.curl(
            "-H", "Authorization: Bearer \(token)", "-H", "Idempotency-Key: \(key)", url + path, "-d", body)
        }
        let address = url
        let answers = try await withThrowingTaskGroup(of: (status: Int, body: JSON).self) { group in
          for _ in 0..<8 { group.addTask { try await post(address, key: "one") } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        let kernel = try #require(answers.first?.body["kernel"])
        #expect(answers.allSatisfy { $0.status == 201 && $0.body["kernel"] == kernel })
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 1)

        let other = try await post(url, key: "one", body: "{\"labels\":{\"team\":\"b\"}}")
        #expect(other.status == 422 && other.body["code"] == "key_reused", "\(other)")
        let bobs = try await post(url, key: "one", who: "bob")
        #expect(bobs.status == 201 && bobs.body["kernel"]?["uuid"] != kernel["uuid"])
        let found = try await post(url, "/find", key: "one", body: "{\"language\":\"lua\"}")
        #expect(found.status == 200 && found.body["kernel"]?["uuid"] == kernel["uuid"])
        #expect(try await post(url, "/find", key: "one", body: "{\"language\":\"lua\"}").body == found.body)
        #expect(try await post(url, key: "with space").status == 400)

        // The host that knew of it is gone without a word; its kernel says what it was started for.
        try await fleet.killHost()
        url = try await fleet.startWeb().url
        let again = try await post(url, key: "one")
        #expect(again.status == 201 && again.body["kernel"]?["uuid"] == kernel["uuid"], "\(again)")
        #expect(try await post(url, key: "one", body: "{}").status == 422)
        #expect(try await post(url, key: "two").body["kernel"]?["uuid"] != kernel["uuid"])
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 3)
      }
    }
  }
}
