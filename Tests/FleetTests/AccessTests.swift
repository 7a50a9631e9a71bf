// Every route of the description: who may not come in does not, and nobody touches another's kernel.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Access {
    private struct Route {
      var method: String
      var path: String
      var scope: String?
      var needsKernel: Bool { path.contains("{kernel}") || path.contains("{kernel_id}") }
    }

    private static func routes(_ description: JSON) throws -> [Route] {
      try #require(description["paths"]?.object).flatMap { path, item in
        (item.object ?? [:]).map { method, operation in
          Route(method: method.uppercased(), path: path, scope: operation["x-fleet-scope"]?.string)
        }
      }.sorted { ($0.path, $0.method) < ($1.path, $1.method) }
    }

    @Test func `each route asks for a token, its scope, and the kernel's owner`() async throws {
      let configuration = "[host]\nhttp = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try fleet.write(
          """
          [tokens.alice]
          token = "alice-alice-alice"
          [tokens.bob]
          token = "bob-bob-bob-bob-bob"
          [tokens.reader]
          token = "reader-reader-reader"
          owner = "*"
          scopes = ["read"]
          """, to: "tokens.toml")
        let url = try await fleet.startWeb().url
        let made = try await fleet.curl("-H", "Authorization: token alice-alice-alice", "\(url)/kernels", "-d", "{}")
        let uuid = try #require(made.body["kernel"]?["uuid"]?.string)
        func ask(_ route: Route, _ token: String?) async throws -> (status: Int, body: JSON) {
          let path = ["{kernel}": uuid, "{kernel_id}": uuid, "{pid}": "1"].reduce(route.path) {
            $0.replacingOccurrences(of: $1.key, with: $1.value)
          }.replacingOccurrences(of: #"\{[^}]*\}"#, with: "x", options: .regularExpression)
          var arguments = ["-s", "-m", "10", "-w", "\n%{http_code}", "-X", route.method, url + path]
          arguments += ["-H", "Accept: application/json"]
          if let token { arguments += ["-H", "Authorization: token \(token)"] }
          if route.method == "POST" { arguments += ["-d", "{\"name\":\"x\",\"pid\":1}"] }
          let result = try await fleet.run("/usr/bin/curl", arguments)
          let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
          let text = lines.dropLast().joined(separator: "\n")
          // Some routes answer with text.
          return (Int(lines.last ?? "") ?? 0, (try? JSON(parsing: text)) ?? .null)
        }
        let routes = try Self.routes(try await fleet.curl("\(url)/openapi.json").body)
        #expect(routes.count > 25)
        for route in routes {
          let what = "\(route.method) \(route.path)"
          let stranger = try await ask(route, nil)
          if let scope = route.scope {
            #expect(stranger.status == 401 && stranger.body["code"] == "unauthorized", "\(what): \(stranger)")
            if scope != "read" {
              let reader = try await ask(route, "reader-reader-reader")
              #expect(reader.status == 403 && reader.body["code"] == "forbidden", "\(what): \(reader)")
            }
            if scope == "manage" {
              let owner = try await ask(route, "bob-bob-bob-bob-bob")
              #expect(owner.status == 403 && owner.body["code"] == "forbidden", "\(what): \(owner)")
            }
          } else {
            #expect(stranger.status == 200, "\(what): \(stranger)")
          }
          if route.needsKernel {
            let bob = try await ask(route, "bob-bob-bob-bob-bob")
            #expect(bob.status == 404, "\(what): \(bob)")
          }
        }
        // Nothing of it has touched her kernel.
        let kernel = try await fleet.kernel(uuid)
        #expect(kernel["pid"] == made.body["kernel"]?["pid"] && kernel["status"] == "idle")
        #expect(kernel["clients"]?.array?.isEmpty == true)
      }
    }

    @Test func `methods, addresses, media types and parameters that do not exist are told apart`() async throws {
      try await FleetFixture.with(configuration: "[host]\nhttp = \"127.0.0.1:0\"\n") { fleet in
        let (url, token) = try await fleet.startWeb()
        func ask(_ arguments: String...) async throws -> (status: Int, head: String, body: String) {
          let result = try await fleet.run(
            "/usr/bin/curl", ["-s", "-i", "-m", "10", "-H", "Authorization: Bearer \(token)"] + arguments)
          let parts = result.output.components(separatedBy: "\r\n\r\n")
          let status = parts.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
          return (status, parts.first?.lowercased() ?? "", parts.dropFirst().joined())
        }
        let method = try await ask("-X", "PUT", "\(url)/kernels")
        #expect(method.status == 405 && method.body.contains("method_not_allowed"))
        #expect(method.head.contains("allow: delete, get, head, options, post"))
        let options = try await ask("-X", "OPTIONS", "\(url)/kernels/x")
        #expect(options.status == 204 && options.head.contains("allow: delete, get, head, options"))
        let address = try await ask("\(url)/kernel")
        #expect(address.status == 404 && address.body.contains("\"not_found\""))
        let type = try await ask("-H", "Content-Type: text/xml", "-d", "<x/>", "\(url)/kernels")
        #expect(type.status == 415 && type.body.contains("unsupported_media_type"))
        for query in ["limt=1", "limit=1&limit=2", "limit=x", "limit=0", "status=dead", "label=x", "after=-1"] {
          let answer = try await ask("\(url)/kernels?\(query)")
          #expect(answer.status == 400 && answer.body.contains("bad_request"), "\(query): \(answer)")
        }
        #expect(
          try await ask("\(url)/kernels?limit=1&status=idle,busy&status=starting&label=a=b&label=c=d").status == 200)
        let head = try await ask("--head", "\(url)/kernels")
        #expect(head.status == 200 && head.body.isEmpty && head.head.contains("content-length: "))
        // No stream begins, and the connection is free for the next.
        let events = try await ask("--head", "\(url)/events")
        #expect(events.status == 200 && events.head.contains("text/event-stream"))
        let broken = try await ask("-d", "{", "\(url)/kernels")
        #expect(broken.status == 400 && broken.body.contains("line 1"))
      }
    }
  }
}
