// Decides who a request comes from and whether it may: one function for routes and WebSockets alike.
import FleetConfiguration
import FleetCore
import FleetEngine
import NIOCore

/// What is known of a request before it is routed.
struct RequestFacts: Sendable {
  /// As it was sent, with its query.
  var uri: String
  var host: String?
  var origin: String?
  var authorization: String?

  /// `Authorization: token T`, `Authorization: Bearer T` or `?token=T`. The header counts, and an empty one is none:
  /// Jupyter Server always sends one.
  var token: String? {
    if let authorization {
      let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      if parts.count == 2, ["token", "bearer"].contains(parts[0].lowercased()) {
        let token = parts[1].trimmed
        if !token.isEmpty { return token }
      }
    }
    guard let query = uri.split(separator: "?", maxSplits: 1).dropFirst().first else { return nil }
    for pair in query.split(separator: "&") where pair.hasPrefix("token=") {
      let value = pair.dropFirst("token=".count).removingPercentEncoding ?? ""
      return value.isEmpty ? nil : value
    }
    return nil
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var text = self
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

/// Guards one listener.
public struct Gatekeeper: Sendable {
  enum Door: Sendable {
    /// The control socket: the directory's permissions are the check, but for kernels with users of their own.
    case local(kernels: KernelUsers?)
    case tcp(tokens: TokenTable, hosts: Set<String>, origins: Set<String>, scheme: String)
  }

  let door: Door

  public static let local = Gatekeeper(door: .local(kernels: nil))

  /// - Parameter kernels: who they are that may pass through the directory without being its user.
  static func local(_ kernels: KernelUsers?) -> Gatekeeper { Gatekeeper(door: .local(kernels: kernels)) }

  public static func tcp(tokens: TokenTable, settings: FleetConfiguration.Host) -> Gatekeeper {
    Gatekeeper(
      door: .tcp(
        tokens: tokens, hosts: Set(settings.allowedHosts.map { $0.lowercased() }),
        origins: Set(settings.allowedOrigins.map { $0.lowercased() }),
        scheme: settings.tlsCertificate == nil ? "http" : "https"))
  }

  var isLocal: Bool { if case .local = door { true } else { false } }

  /// - Parameter scope: what the request needs; nil if it is open to everybody.
  /// - Throws: `forbidden` or `unauthorized`.
  func check(_ facts: RequestFacts, for scope: Scope?, on channel: any Channel) async throws -> Identity {
    guard case .local(let kernels?) = door else { return try check(facts, for: scope) }
    let identity = try await kernels.identity(on: channel)
    guard let scope, !identity.scopes.contains(scope) else { return identity }
    throw EngineError(.forbidden, "\(identity.name) is a kernel, which may not \(scope.rawValue)")
  }

  func check(_ facts: RequestFacts, for scope: Scope?) throws(EngineError) -> Identity {
    guard case .tcp(let tokens, let hosts, let origins, let scheme) = door else { return .local }
    try Self.check(host: facts.host, hosts)
    try Self.check(origin: facts.origin, host: facts.host, origins, scheme)
    let identity = facts.token.flatMap(tokens.identity)
    guard let scope else { return identity ?? .anonymous }
    guard let identity else {
      let what = facts.token == nil ? "a token is needed" : "nobody has this token"
      throw EngineError(
        .unauthorized, "\(what); send Authorization: Bearer TOKEN (fleet status --show-token tells the host's)")
    }
    guard identity.scopes.contains(scope) else {
      throw EngineError(.forbidden, "the token '\(identity.name)' lacks the scope \(scope.rawValue)")
    }
    return identity
  }

  /// A name that leads to this machine by somebody else's DNS is refused (DNS rebinding). Addresses cannot be rebound.
  private static func check(host: String?, _ allowed: Set<String>) throws(EngineError) {
    guard let host else { throw EngineError(.badRequest, "a request needs a Host header") }
    let name = hostName(host)
    if name == "localhost" || name.hasSuffix(".localhost") || isAddress(name) { return }
    if isListed(name, in: allowed) { return }
    throw EngineError(
      .forbidden,
      "the host name '\(name.prefix(100))' is not known here; add it to allowed_hosts in [host] of fleet.toml")
  }

  /// Pages of other sites may not act with what a browser knows: neither by requests nor by WebSockets.
  private static func check(
    origin: String?, host: String?, _ allowed: Set<String>, _ scheme: String
  ) throws(EngineError) {
    guard let origin = origin?.lowercased(), let host = host?.lowercased() else { return }
    if origin == "\(scheme)://\(host)" || isListed(origin, in: allowed) { return }
    throw EngineError(
      .forbidden,
      "pages of '\(origin.prefix(100))' may not use this host; add it to allowed_origins in [host] of fleet.toml")
  }

  /// Whether the configuration names it, or everything.
  static func isListed(_ name: String, in allowed: Set<String>) -> Bool {
    allowed.contains(name) || allowed.contains("*")
  }

  /// Without its port, in lower case; an IPv6 address without its brackets.
  static func hostName(_ host: String) -> String {
    let host = host.lowercased()
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      return String(host[host.index(after: host.startIndex)..<end])
    }
    guard let colon = host.lastIndex(of: ":") else { return host }
    return String(host[..<colon])
  }
}
