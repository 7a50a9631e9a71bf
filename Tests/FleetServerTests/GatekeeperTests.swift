// Who may what: the one function that guards routes and WebSockets.
import FleetConfiguration
import FleetEngine
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import FleetServer

@Suite struct GatekeeperTests {
  static let own = "0123456789abcdef0123"

  private static func keeper(
    tokens text: String? = nil, _ change: (inout FleetConfiguration.Host) -> Void = { _ in }
  ) throws -> Gatekeeper {
    var settings = FleetConfiguration.Host()
    change(&settings)
    let file = NSTemporaryDirectory() + "tokens-\(UUID().uuidString).toml"
    defer { unlink(file) }
    if let text {
      _ = FileManager.default.createFile(
        atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    }
    let table = try TokenTable(own: own, path: text == nil ? nil : file, log: Logger(label: "test"))
    return .tcp(tokens: table, settings: settings)
  }

  private static func facts(
    _ uri: String = "/kernels", host: String? = "127.0.0.1:9550", origin: String? = nil,
    _ authorization: String? = nil
  ) -> RequestFacts {
    RequestFacts(uri: uri, host: host, origin: origin, authorization: authorization)
  }

  private static func code(_ keeper: Gatekeeper, _ facts: RequestFacts, _ scope: Scope? = .read) -> EngineError.Code? {
    do throws(EngineError) {
      _ = try keeper.check(facts, for: scope)
      return nil
    } catch { return error.code }
  }

  @Test(arguments: ["token \(own)", "Bearer \(own)", "bearer  \(own) ", "TOKEN \(own)"])
  func `a token is taken from the header`(header: String) throws {
    #expect(try Self.keeper().check(Self.facts("/kernels", header), for: .manage) == .host)
  }

  @Test func `a token is taken from the query, unless the header has one`() throws {
    let keeper = try Self.keeper()
    #expect(try keeper.check(Self.facts("/kernels?limit=1&token=\(Self.own)"), for: .read) == .host)
    // Jupyter Server sends an empty token with every request.
    #expect(try keeper.check(Self.facts("/kernels?token=\(Self.own)", "token "), for: .read) == .host)
    #expect(Self.code(keeper, Self.facts("/kernels?token=\(Self.own)", "token other")) == .unauthorized)
    #expect(Self.code(keeper, Self.facts("/kernels?xtoken=\(Self.own)")) == .unauthorized)
  }

  @Test(arguments: [nil, "", "token", "token ", "Basic \(own)", "token \(own)x", "token \(own.dropLast())"])
  func `nobody else comes in`(header: String?) throws {
    #expect(Self.code(try Self.keeper(), Self.facts("/kernels", header)) == .unauthorized)
  }

  @Test func `what clients ask first is open`() throws {
    for route in ["/", "/api", "/health", "/tree", "/openapi.json"] {
      #expect(RouteScopes.scope(.get, route) == nil && RouteScopes.scope(.head, route) == nil)
      #expect(RouteScopes.scope(.post, route) == .execute)
    }
    #expect(try Self.keeper().check(Self.facts("/api", "token wrong"), for: nil) == .anonymous)
    for route in ["/api/kernels", "/healthy", nil] { #expect(RouteScopes.scope(.get, route) == .read) }
  }

  @Test(arguments: [
    "127.0.0.1", "127.0.0.1:9550", "localhost:9550", "LOCALHOST", "lab.localhost", "[::1]:9550", "10.1.2.3:80",
    "fleet.example.org", "fleet.example.org:9550",
  ])
  func `known host names come in`(host: String) throws {
    let keeper = try Self.keeper { $0.allowedHosts = ["Fleet.example.org"] }
    #expect(Self.code(keeper, Self.facts(host: host, "token \(Self.own)")) == nil)
  }

  /// DNS rebinding: a page's own name leads to this machine.
  @Test(arguments: ["evil.example", "127.0.0.1.evil.example:9550", "localhost.evil.example", "2130706433", "", "a:b:c"])
  func `other names do not`(host: String) throws {
    #expect(Self.code(try Self.keeper(), Self.facts(host: host, "token \(Self.own)")) == .forbidden)
  }

  @Test func `a request without a host name is refused`() throws {
    #expect(Self.code(try Self.keeper(), Self.facts(host: nil, "token \(Self.own)")) == .badRequest)
  }

  @Test func `pages of other sites may not act`() throws {
    let keeper = try Self.keeper { $0.allowedOrigins = ["https://lab.example.org"] }
    func code(_ origin: String) -> EngineError.Code? {
      Self.code(keeper, Self.facts(origin: origin, "token \(Self.own)"))
    }
    #expect(code("http://127.0.0.1:9550") == nil)
    #expect(code("https://LAB.example.org") == nil)
    for origin in ["http://127.0.0.1:8888", "https://127.0.0.1:9550", "http://evil.example", "null", ""] {
      #expect(code(origin) == .forbidden, "\(origin)")
    }
  }

  @Test func `what concerns everybody needs the scope manage`() throws {
    for (method, route) in [
      (.delete, "/kernels"), (.post, "/shutdown"), (.post, "/cleanup"), (.get, "/registry"), (.get, "/status"),
      (.get, "/trace"), (.get, "/decisions/{decision}"), (.post, "/policies/reload"), (.post, "/silences"),
      (.delete, "/silences/{silence}"),
    ] as [(HTTPRequest.Method, String)] {
      #expect(RouteScopes.scope(method, route) == .manage, "\(method) \(route)")
    }
    #expect(RouteScopes.scope(.get, "/silences") == .read)
    #expect(RouteScopes.scope(.delete, "/kernels/{kernel}") == .execute)
  }

  @Test func `scopes bound what a token may`() throws {
    let keeper = try Self.keeper(
      tokens: """
        [tokens.alice]
        token = "alice-alice-alice"
        [tokens.boss]
        token = "boss-boss-boss-boss"
        scopes = ["read", "execute", "manage"]
        """)
    let (alice, boss) = (Self.facts("/", "token alice-alice-alice"), Self.facts("/", "token boss-boss-boss-boss"))
    #expect(try keeper.check(alice, for: .execute).viewer.owner == "alice")
    #expect(Self.code(keeper, alice, .manage) == .forbidden)
    #expect(try keeper.check(boss, for: .manage).viewer == .everyone)
  }

  @Test func `a token by its digest reads everybody's kernels and touches none`() throws {
    let keeper = try Self.keeper(
      tokens: """
        [tokens.watch]
        sha256 = "\(TokenEntry.digest(of: "watch-watch-watch").map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())"
        owner = "*"
        scopes = ["read"]
        """)
    let facts = Self.facts("/metrics", "token watch-watch-watch")
    #expect(try keeper.check(facts, for: .read).viewer == .everyone)
    #expect(Self.code(keeper, facts, .execute) == .forbidden)
    #expect(RouteScopes.scope(.get, "/api/kernels/{kernel}/channels") == .execute)
  }

  @Test(arguments: [
    ("[tokens.a]\n", "token"), ("[tokens.a]\ntoken = \"short\"\n", "at least 16"),
    ("[tokens.a]\ntoken = \"0123456789abcdef\"\nscope = []\n", "scopes"),
    ("[tokens.a]\ntoken = \"0123456789abcdef\"\nscopes = [\"all\"]\n", "none of read, execute, manage"),
    ("[tokens.a]\nsha256 = \"12\"\n", "64 hexadecimal digits"),
    ("[tokens.a]\ntoken = \"0123456789abcdef\"\n[tokens.b]\ntoken = \"0123456789abcdef\"\n", "same token"),
    ("[token.a]\n", "tokens"),
  ])
  func `a mistake in the file is told`(text: String, words: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try TokenFile.parse(text, file: "tokens.toml") }
    #expect("\(try #require(error))".contains(words))
  }

  @Test func `a file whose mode alone is mended is read again`() async throws {
    let file = NSTemporaryDirectory() + "tokens-\(UUID().uuidString).toml"
    defer { unlink(file) }
    func write(_ token: String, _ mode: Int) throws {
      try "[tokens.alice]\ntoken = \"\(token)\"\n".write(toFile: file, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }
    try write("first-first-first", 0o600)
    let table = try TokenTable(own: Self.own, path: file, log: Logger(label: "test"))
    #expect(table.identity(of: "first-first-first") != nil)
    try write("second-second-second", 0o644)
    try await Task.sleep(for: .milliseconds(1100))
    #expect(table.identity(of: "second-second-second") == nil && table.identity(of: "first-first-first") != nil)
    chmod(file, 0o600)
    try await Task.sleep(for: .milliseconds(1100))
    #expect(table.identity(of: "second-second-second") != nil && table.identity(of: "first-first-first") == nil)
  }

  @Test func `a file that others can read is refused`() throws {
    let file = NSTemporaryDirectory() + "tokens-\(UUID().uuidString).toml"
    defer { unlink(file) }
    _ = FileManager.default.createFile(atPath: file, contents: Data(), attributes: [.posixPermissions: 0o644])
    let error = #expect(throws: ConfigurationError.self) { try TokenFile.load(file) }
    #expect("\(try #require(error))".contains("chmod 600"))
  }
}
