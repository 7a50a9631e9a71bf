// Who may what: the one function that guards routes and WebSockets.
import FleetConfiguration
import FleetEngine
import Foundation
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
      FileManager.default.createFile(
        atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    }
    let table = try TokenTable(own: own, path: text == nil ? nil : file, log: Logger(label: "test"))
    return .tcp(tokens: table, settings: settings)
  }

  private static func facts(
    _ method: String = "GET", _ uri: String = "/kernels", host: String? = "127.0.0.1:9550", origin: String? = nil,
    _ authorization: String? = nil
  ) -> RequestFacts {
    RequestFacts(method: method, uri: uri, host: host, origin: origin, authorization: authorization)
  }

  private static func code(_ keeper: Gatekeeper, _ facts: RequestFacts) -> EngineError.Code? {
    do throws(EngineError) {
      _ = try keeper.check(facts)
      return nil
    } catch { return error.code }
  }

  @Test(arguments: ["token \(own)", "Bearer \(own)", "bearer  \(own) ", "TOKEN \(own)"])
  func `a token is taken from the header`(header: String) throws {
    #expect(try Self.keeper().check(Self.facts("POST", "/shutdown", header)) == .host)
  }

  @Test func `a token is taken from the query, unless the header has one`() throws {
    let keeper = try Self.keeper()
    #expect(try keeper.check(Self.facts("GET", "/kernels?limit=1&token=\(Self.own)")) == .host)
    // Jupyter Server sends an empty token with every request.
    #expect(try keeper.check(Self.facts("GET", "/kernels?token=\(Self.own)", "token ")) == .host)
    #expect(Self.code(keeper, Self.facts("GET", "/kernels?token=\(Self.own)", "token other")) == .unauthorized)
    #expect(Self.code(keeper, Self.facts("GET", "/kernels?xtoken=\(Self.own)")) == .unauthorized)
  }

  @Test(arguments: [nil, "", "token", "token ", "Basic \(own)", "token \(own)x", "token \(own.dropLast())"])
  func `nobody else comes in`(header: String?) throws {
    #expect(Self.code(try Self.keeper(), Self.facts("GET", "/kernels", header)) == .unauthorized)
  }

  @Test func `what clients ask first is open`() throws {
    let keeper = try Self.keeper()
    for path in ["/api", "/api/", "/", "/health", "/tree?token=wrong"] {
      #expect(try keeper.check(Self.facts("GET", path)) == .anonymous)
    }
    for (method, path) in [("POST", "/api"), ("GET", "/api/kernels"), ("GET", "//api"), ("GET", "/healthy")] {
      #expect(Self.code(keeper, Self.facts(method, path)) == .unauthorized, "\(method) \(path)")
    }
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

  private static let tokens = """
    [tokens.alice]
    token = "alice-alice-alice"
    [tokens.watch]
    sha256 = "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2"
    owner = "*"
    scopes = ["read"]
    [tokens.boss]
    token = "boss-boss-boss-boss"
    scopes = ["read", "execute", "manage"]
    """

  @Test func `scopes bound what a token may`() throws {
    let keeper = try Self.keeper(tokens: Self.tokens)
    func code(_ token: String, _ method: String, _ path: String) -> EngineError.Code? {
      Self.code(keeper, Self.facts(method, path, "token \(token)"))
    }
    let (alice, boss) = ("alice-alice-alice", "boss-boss-boss-boss")
    #expect(code(alice, "GET", "/kernels") == nil)
    #expect(code(alice, "POST", "/kernels") == nil)
    #expect(code(alice, "DELETE", "/kernels/k") == nil)
    for (method, path) in [
      ("DELETE", "/kernels"), ("POST", "/shutdown"), ("POST", "/cleanup"), ("GET", "/registry"), ("GET", "/status"),
      ("GET", "/trace"), ("GET", "/decisions/1-1"), ("POST", "/policies/reload"), ("POST", "/silences"),
    ] {
      #expect(code(alice, method, path) == .forbidden, "\(method) \(path)")
      #expect(code(boss, method, path) == nil, "\(method) \(path)")
    }
    // printf %s test | sha256sum … of "test\n" is another: the digest is of the token itself.
    #expect(code("test", "GET", "/kernels") == .unauthorized)
  }

  @Test func `a token by its digest reads everybody's kernels and touches none`() throws {
    let keeper = try Self.keeper(
      tokens: """
        [tokens.watch]
        sha256 = "\(TokenEntry.digest(of: "watch-watch-watch").map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())"
        owner = "*"
        scopes = ["read"]
        """)
    let identity = try keeper.check(Self.facts("GET", "/metrics", "token watch-watch-watch"))
    #expect(identity.viewer == .everyone)
    #expect(Self.code(keeper, Self.facts("POST", "/find", "token watch-watch-watch")) == .forbidden)
    // A WebSocket begins with GET and runs code.
    let channels = "/api/kernels/0/channels?session_id=1"
    #expect(Self.code(keeper, Self.facts("GET", channels, "token watch-watch-watch")) == .forbidden)
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

  @Test func `a file that others can read is refused`() throws {
    let file = NSTemporaryDirectory() + "tokens-\(UUID().uuidString).toml"
    defer { unlink(file) }
    FileManager.default.createFile(atPath: file, contents: Data(), attributes: [.posixPermissions: 0o644])
    let error = #expect(throws: ConfigurationError.self) { try TokenFile.load(file) }
    #expect("\(try #require(error))".contains("chmod 600"))
  }
}
