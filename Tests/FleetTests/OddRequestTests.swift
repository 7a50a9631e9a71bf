// Requests that are rare and right, and those that look right and are dangerous.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct OddRequests {
    private static let tcp = "[host]\nhttp = \"127.0.0.1:0\"\n"

    /// `DELETE /kernels/$K` of a script that has no `K`.
    @Test func `a path with an empty name stops nothing`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        try await fleet.ok("spawn", "--name", "alice")
        for path in ["/kernels/", "/kernels//", "//kernels", "/api/kernels/", "/kernels//clients/1"] {
          let (status, body) = try await fleet.curl(
            "-X", "DELETE", "-H", "Authorization: Bearer \(token)", "\(url)\(path)")
          #expect(status == 404 && body["code"] == "not_found", "\(path): \(status) \(body.text())")
        }
        #expect(try await fleet.fleet("stop", "").code == 3)
        #expect(try await fleet.kernel("alice")["status"] == "idle")
      }
    }

    /// A sign that is put together with the one before it makes no "=" of its own.
    @Test func `labels are any text`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let value = String(repeating: "\u{1F3FB}", count: 256)
        let (status, body) = try await fleet.curl(
          "-H", "Authorization: Bearer \(token)", "-d", #"{"labels": {"ä": "\#(value)"}}"#, "\(url)/kernels")
        #expect(status == 201, "\(body.text())")
        let (_, found) = try await fleet.curl(
          "-G", "-H", "Authorization: Bearer \(token)", "--data-urlencode", "label=ä=\(value)", "\(url)/kernels")
        #expect(found["kernels"]?.array?.count == 1, "\(found.text())")
        try await fleet.ok("spawn", "--name", "bob", "--label", "ä=\u{1F3FB}")
        #expect(try await fleet.kernel("bob")["labels"]?["ä"] == "\u{1F3FB}")
        // As Python's requests writes a space and a plus sign.
        try await fleet.ok("spawn", "--label", "two=a b+c")
        let (_, two) = try await fleet.curl(
          "-H", "Authorization: Bearer \(token)", "\(url)/kernels?label=two%3Da+b%2Bc")
        #expect(two["kernels"]?.array?.count == 1, "\(two.text())")
      }
    }

    /// What was wrong with the request is said even if a kernel fits that is there already.
    @Test func `find refuses what spawn refuses`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        try await fleet.ok("spawn", "--name", "alice")
        for body in [#"{"cpu_limit": "much"}"#, #"{"name": "1"}"#, #"{"nice": 20}"#] {
          let (status, answer) = try await fleet.curl(
            "-H", "Authorization: Bearer \(token)", "-d", body, "\(url)/find")
          #expect(status == 400, "\(body): \(answer.text())")
        }
      }
    }

    @Test func `a mistake in a filter is told with what there is`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("up")
        for (arguments, words) in [
          (["list", "--status", "idel"], "there are starting, idle,"), (["events", "--type", "dide"], "adopted,"),
          (["events", "--after", "99999"], "such as 1764234438123-17"),
        ] {
          let result = try await fleet.run(Built.program("fleet"), arguments)
          #expect(result.code != 0 && result.errors.contains(words) && !result.errors.contains("^"), "\(result)")
        }
      }
    }

    @Test func `limits and hardening are shown, and what the doctor says of tokens`() async throws {
      let configuration = "[host]\nhttp = \"\"\ntokens = \"tokens.toml\"\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try fleet.write("[tokens.anna]\ntoken = \"anna-anna-anna-anna\"\n", to: "tokens.toml")
        try await fleet.ok("spawn", "--name", "a", "--open-files", "64", "--nice", "5", "--file-size", "64K")
        let shown = try await fleet.ok("show", "a")
        #expect(shown.contains("64 open files, 64K files, nice 5"), "\(shown)")
        #expect(try await fleet.kernel("a")["open_files"] == 64)
        #expect(try await fleet.fleet("doctor").output.contains("1 tokens"))
        try fleet.write("[tokens.anna]\ntoken = \"short\"\n", to: "tokens.toml")
        #expect(try await fleet.fleet("doctor").output.contains("at least 16 characters"))
      }
    }

    @Test func `a limit that cannot be kept here is no fault of the host`() async throws {
      try await FleetFixture.with { fleet in
        let result = try await fleet.fleet("spawn", "--open-files", "2147483647")
        #expect(result.code == 4 && result.errors.contains("--best-effort"), "\(result)")
        #expect(result.errors.contains("open files (fs.nr_open)"), "\(result)")
      }
    }
  }
}
