// HTTP on TCP: tokens, owners, TLS, limits, with curl against a real host.
import Foundation
import JSON
import Testing

extension FleetFixture {
  /// A port that is free now.
  static func freePort() -> Int {
    while true {
      let port = Int.random(in: 21_000...31_000)
      if isFree(port) { return port }
    }
  }

  /// A host that listens on TCP; its URL and token.
  func startWeb() async throws -> (url: String, token: String) {
    try await ok("up")
    let url = try #require(try await document("status")["http"]?.string)
    return (url, try await ok("status", "--show-token"))
  }

  /// Runs curl; the status and the body.
  func curl(_ arguments: String..., input: String = "") async throws -> (status: Int, body: JSON) {
    let result = try await run(
      "/usr/bin/curl", ["-s", "-S", "-m", "30", "-w", "\n%{http_code}"] + arguments, input: input)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    let status = try #require(lines.last.flatMap { Int($0) }, "\(result)")
    let text = lines.dropLast().joined(separator: "\n")
    return (status, text.isEmpty ? .null : try JSON(parsing: text))
  }
}

extension EndToEnd {
  @Suite struct Web {
    private static let tcp = "[host]\nhttp = \"127.0.0.1:0\"\n"

    @Test func `a token opens the same API that the control socket serves`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        #expect(try await fleet.curl("\(url)/health").body.isMinimal)
        for arguments in [[], ["-H", "Authorization: token wrong"]] {
          let result = try await fleet.run("/usr/bin/curl", ["-s", "-i", "\(url)/kernels"] + arguments)
          #expect(result.output.hasPrefix("HTTP/1.1 401"))
          #expect(result.output.lowercased().contains("www-authenticate: bearer"))
          #expect(result.output.contains("\"code\":\"unauthorized\""))
        }
        let bearer = "Authorization: Bearer \(token)"
        let spawned = try await fleet.curl("-H", bearer, "\(url)/kernels", "-d", "{\"name\":\"alice\"}")
        #expect(spawned.status == 201)
        #expect(try await fleet.kernel("alice")["uuid"] == spawned.body["kernel"]?["uuid"])
        let listed = try await fleet.curl("\(url)/kernels?token=\(token)")
        #expect(listed.body["kernels"]?[0]?["name"] == "alice")
        #expect(try await fleet.curl("-H", bearer, "\(url)/health").body["total_kernels"]?.int == 1)
        let mode = try FileManager.default.attributesOfItem(atPath: fleet.home + "/fleet.token")[.posixPermissions]
        #expect(mode as? Int == 0o600)
        #expect(!fleet.hostLog.contains(token))
      }
    }

    @Test func `names and pages from elsewhere are refused`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: Bearer \(token)"
        #expect(try await fleet.curl("-H", bearer, "-H", "Host: evil.example", "\(url)/kernels").status == 403)
        #expect(try await fleet.curl("-H", bearer, "-H", "Origin: http://evil.example", "\(url)/kernels").status == 403)
        #expect(try await fleet.curl("-H", bearer, "-H", "Origin: \(url)", "\(url)/kernels").status == 200)
      }
    }

    @Test func `owners see and touch only their kernels`() async throws {
      let tokens = """
        [tokens.alice]
        token = "alice-alice-alice"
        [tokens.bob]
        token = "bob-bob-bob-bob-bob"
        [tokens.boss]
        token = "boss-boss-boss-boss"
        scopes = ["read", "execute", "manage"]
        """
      let configuration = Self.tcp + "tokens = \"tokens.toml\"\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try fleet.write(tokens, to: "tokens.toml")
        let url = try await fleet.startWeb().url
        func ask(_ who: String, _ path: String, _ more: [String] = []) async throws -> (status: Int, body: JSON) {
          let token = Array(repeating: who, count: who == "bob" ? 5 : who == "boss" ? 4 : 3).joined(separator: "-")
          let result = try await fleet.run(
            "/usr/bin/curl", ["-s", "-w", "\n%{http_code}", "-H", "Authorization: token \(token)", url + path] + more)
          let lines = result.output.split(separator: "\n")
          return (Int(lines.last ?? "") ?? 0, try JSON(parsing: String(lines.first ?? "")))
        }
        let made = try await ask("alice", "/kernels", ["-d", "{\"name\":\"hers\"}"])
        #expect(made.status == 201 && made.body["kernel"]?["owner"] == "alice")
        #expect(try await ask("alice", "/kernels", ["-d", "{\"owner\":\"bob\"}"]).status == 403)
        let uuid = try #require(made.body["kernel"]?["uuid"]?.string)
        for (path, more) in [
          ("/kernels/hers", []), ("/kernels/\(uuid)", []), ("/kernels/\(uuid)/logs", []),
          ("/kernels/\(uuid)", ["-X", "DELETE"]), ("/kernels/\(uuid)/restart", ["-X", "POST"]),
          ("/kernels/\(uuid)/interrupt", ["-X", "POST"]),
          ("/kernels/\(uuid)/clients", ["-d", "{\"name\":\"x\",\"pid\":1}"]),
        ] as [(String, [String])] {
          let answer = try await ask("bob", path, more)
          #expect(answer.status == 404 && answer.body["code"] == "kernel_not_found", "\(path) \(answer)")
        }
        #expect(try await ask("bob", "/kernels").body["kernels"]?.array?.isEmpty == true)
        #expect(try await ask("boss", "/kernels").body["kernels"]?.array?.count == 1)
        // What is taken is told, and not by whom.
        let id = try #require(made.body["kernel"]?["id"]?.string)
        let port = try #require(made.body["kernel"]?["port"]?.int)
        for body in ["{\"name\":\"hers\"}", "{\"port\":\(port)}"] {
          let refusal = try await ask("bob", "/kernels", ["-d", body])
          #expect([403, 409].contains(refusal.status) && !refusal.body.text().contains(id), "\(refusal)")
          #expect(try await ask("alice", "/kernels", ["-d", body]).body.text().contains(id))
        }
        // The one that fits is alice's: bob gets another.
        let found = try await ask("bob", "/find", ["-d", "{\"language\":\"lua\"}"])
        #expect(found.status == 200 && found.body["kernel"]?["owner"] == "bob")
        #expect(try await ask("bob", "/metrics").body["kernels"]?.array?.count == 1)

        // The file is read again when it changes.
        try fleet.write(
          tokens.replacingOccurrences(of: "bob-bob-bob-bob-bob", with: "bob-has-a-new-one"), to: "tokens.toml")
        try await eventually("the old token to be void") { try await ask("bob", "/kernels").status == 401 }
      }
    }

    @Test func `TLS by files, which are read again when they change`() async throws {
      let configuration = Self.tcp + "tls_certificate = \"cert.pem\"\ntls_key = \"key.pem\"\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try await fleet.makeCertificate("first")
        let (url, token) = try await fleet.startWeb()
        #expect(url.hasPrefix("https://"))
        func health() async throws -> CommandResult {
          try await fleet.run(
            "/usr/bin/curl",
            ["-s", "-v", "--cacert", fleet.home + "/cert.pem", "-H", "Authorization: token \(token)", "\(url)/health"])
        }
        let first = try await health()
        #expect(first.output.contains("healthy") && first.errors.contains("CN=first"), "\(first)")
        try await fleet.makeCertificate("second")
        try await eventually("the new certificate") { try await health().errors.contains("CN=second") }
        // Plain HTTP on that port is no HTTP at all.
        let plain = url.replacingOccurrences(of: "https", with: "http")
        #expect(try await fleet.run("/usr/bin/curl", ["-s", "-m", "20", "\(plain)/health"]).code != 0)
      }
    }

    @Test func `a port that is taken ends a host that was told to use it, and no other`() async throws {
      let port = FleetFixture.freePort()
      let taken = try #require(FleetFixture.listen(on: port))
      defer { close(taken) }
      try await FleetFixture.with(configuration: "[host]\nhttp = \"127.0.0.1:\(port)\"\n") { fleet in
        let result = try await fleet.fleet("up")
        #expect(result.code == 1 && result.errors.contains("127.0.0.1:\(port)"), "\(result)")
        #expect(result.errors.contains("something else listens there"), "\(result)")
        try await fleet.ok("up", "--http", "127.0.0.1:0")
      }
      // The default port is another host's, or this test's.
      let usual = FleetFixture.listen(on: 9550)
      defer { if let usual { close(usual) } }
      try await FleetFixture.with(configuration: "[host]\nallowed_hosts = []\n") { fleet in
        try await fleet.ok("up")
        let status = try await fleet.document("status")
        #expect(status["http"]?.isNull == true)
        #expect(status["http_problem"]?.string?.contains("127.0.0.1:9550") == true)
      }
    }

    @Test func `too much is refused with a clear answer`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let bearer = "Authorization: Bearer \(token)"
        let large = String(repeating: " ", count: 2 << 20)
        let body = try await fleet.curl("-H", bearer, "\(url)/kernels", "--data-binary", "@-", input: large)
        #expect(body.status == 413 && body.body["code"] == "too_large", "\(body)")
        let head = try await fleet.curl("-H", "X-Large: \(String(repeating: "x", count: 70_000))", "\(url)/health")
        #expect(head.status == 431 && head.body["code"] == "bad_request")
      }
    }

    @Test func `a host that is told to end does not wait for who says nothing`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let url = try await fleet.startWeb().url
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let silent = try #require(Self.connect(to: port))
        let half = try #require(Self.connect(to: port))
        defer {
          close(silent)
          close(half)
        }
        let begun = "GET /health HTTP/1.1\r\nHost: local"
        #expect(write(half, begun, begun.utf8.count) == begun.utf8.count)
        try await fleet.ok("down")
        #expect(!fleet.hostLog.contains("did not"))
      }
    }

    @Test func `a request whose body is cut off does nothing`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let (url, token) = try await fleet.startWeb()
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        for framing in ["Content-Length: 100\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"] {
          let client = try #require(Self.connect(to: port))
          let head = "POST /kernels HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n" + framing
          #expect(write(client, head, head.utf8.count) == head.utf8.count)
          shutdown(client, Int32(SHUT_WR))
          // The server has seen the end when it says so, or closes.
          var bytes = [UInt8](repeating: 0, count: 4096)
          let count = read(client, &bytes, bytes.count)
          let answer = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
          #expect(!answer.hasPrefix("HTTP/1.1 2"), "\(answer)")
          close(client)
        }
        try await fleet.ok("spawn")
        #expect(try await fleet.document("list")["kernels"]?.array?.count == 1)
      }
    }

    @Test func `pages of an allowed site may read what their token may`() async throws {
      let configuration = Self.tcp + "allowed_origins = [\"https://lab.example.org\"]\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        let (url, token) = try await fleet.startWeb()
        func headers(_ origin: String, _ more: String...) async throws -> String {
          try await fleet.run(
            "/usr/bin/curl", ["-s", "-i", "-m", "30", "-H", "Origin: \(origin)", "\(url)/kernels"] + more
          ).output.lowercased()
        }
        let bearer = "Authorization: Bearer \(token)"
        // As a browser asks before it sends a token.
        let asked = try await headers(
          "https://lab.example.org", "-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST", "-H",
          "Access-Control-Request-Headers: authorization")
        #expect(asked.hasPrefix("http/1.1 204") && asked.contains("access-control-allow-headers: authorization"))
        let allowed = "access-control-allow-origin: https://lab.example.org"
        #expect(asked.contains(allowed))
        #expect(try await headers("https://lab.example.org", "-H", bearer).contains(allowed))
        // A mistake is to be readable, too.
        let wrong = try await headers("https://lab.example.org")
        #expect(wrong.hasPrefix("http/1.1 401") && wrong.contains(allowed))
        for origin in ["https://evil.example.org", url] {
          #expect(try await !headers(origin, "-H", bearer).contains("access-control"))
        }
      }
    }

    /// The decoder reads nothing behind it: a client that went on would wait for ever.
    @Test func `a connection ends with a later request to upgrade it`() async throws {
      try await FleetFixture.with(configuration: Self.tcp) { fleet in
        let url = try await fleet.startWeb().url
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let client = try #require(Self.connect(to: port))
        defer { close(client) }
        let head = "GET /health HTTP/1.1\r\nHost: localhost\r\n"
        let text = head + "\r\n" + head + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + head + "\r\n"
        #expect(write(client, text, text.utf8.count) == text.utf8.count)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var (answer, count) = ("", 1)
        while count > 0 {
          var bytes = [UInt8](repeating: 0, count: 4096)
          count = read(client, &bytes, bytes.count)
          answer += String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        }
        #expect(count == 0, "it did not end: \(answer)")
        #expect(answer.components(separatedBy: "HTTP/1.1 200").count == 3)
      }
    }

    private static func connect(to port: Int) -> Int32? {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let isConnected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isConnected { return descriptor }
      close(descriptor)
      return nil
    }
  }
}

extension JSON {
  /// What `/health` says to who has no token.
  fileprivate var isMinimal: Bool { self["status"] == "healthy" && self["pid"] == nil && self["total_kernels"] == nil }
}

extension FleetFixture {
  /// A file of the fleet directory that only its user can read.
  func write(_ text: String, to name: String) throws {
    let path = home + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
  }

  /// A certificate of its own for 127.0.0.1.
  fileprivate func makeCertificate(_ name: String) async throws {
    let result = try await run(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", home + "/key.pem", "-out",
        home + "/cert.pem",
      ])
    try #require(result.code == 0, "\(result)")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: home + "/key.pem")
  }
}
