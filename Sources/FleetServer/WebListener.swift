// The HTTP server on TCP: `[host] http` of fleet.toml.
import FleetConfiguration
import FleetCore
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves the API, the Jupyter gateway and what browsers want, behind tokens.
public final class WebListener: Service {
  private enum Phase {
    case starting([CheckedContinuation<Void, any Error>])
    case settled(Result<Void, any Error>)
  }

  private let settings: FleetConfiguration.Host
  private let address: HTTPAddress
  private let log: Logger
  private let server: HTTPServerBuilder
  private let responder: RouterResponder<FleetContext>
  private let web: WebState
  private let phase = Mutex(Phase.starting([]))

  /// - Parameter settings: whose `http` is there.
  /// - Throws: `ConfigurationError` about tokens or certificates.
  public init(
    host: FleetHost, control: HostControl, settings: FleetConfiguration.Host, address: HTTPAddress, log: Logger
  ) throws {
    self.settings = settings
    self.address = address
    self.log = log
    web = control.web
    let own = try HostToken(directory: host.setup.directory).readOrMake()
    let tokens = try TokenTable(own: own, path: settings.tokens, log: log)
    let keeper = Gatekeeper.tcp(tokens: tokens, settings: settings)
    var limits = ServerLimits()
    limits.connections = settings.maximumConnections
    limits.connectionsOfAddress = max(1, settings.maximumConnections / 2)
    let webSockets = control.webSockets(host)
    responder = makeRouter(host, control, keeper: keeper, limits: limits).buildResponder()
    let tls = try Self.tls(settings, log)
    server = HTTPServerBuilder { [limits] responder in
      let channel = ServerChannel(responder: responder, keeper: keeper, webSockets: webSockets, limits: limits)
      if let tls { return SecureChannel(inner: channel, identity: tls) }
      return channel
    }
  }

  private static func tls(_ settings: FleetConfiguration.Host, _ log: Logger) throws -> TLSIdentity? {
    guard let certificate = settings.tlsCertificate, let key = settings.tlsKey else { return nil }
    return try TLSIdentity(certificate: certificate, key: key, log: log)
  }

  /// Returns when it listens, or will not and the host goes on without it.
  /// - Throws: why the host cannot go on.
  public func settled() async throws {
    try await withCheckedThrowingContinuation { continuation in
      let result = phase.withLock { phase -> Result<Void, any Error>? in
        switch phase {
        case .settled(let result): return result
        case .starting(let waiting):
          phase = .starting(waiting + [continuation])
          return nil
        }
      }
      if let result { continuation.resume(with: result) }
    }
  }

  public func run() async throws {
    let application = Application(
      responder: responder, server: server,
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: address.port), serverName: "fleet"),
      onServerRunning: { [self] channel in
        await AcceptPause.add(to: channel, log)
        isRunning(channel.localAddress?.port ?? address.port)
      }, logger: log)
    do {
      try await application.run()
      settle(.success(()))
    } catch {
      try await failed(error)
    }
  }

  private func isRunning(_ port: Int) {
    let scheme = settings.tlsCertificate == nil ? "http" : "https"
    let url = "\(scheme)://\(HTTPAddress(host: address.host, port: port))"
    web.place.withLock { $0.url = url }
    log.info("listens on \(url)")
    if scheme == "http", !isLoopback(address.host) {
      log.warning("\(url) is open to the network without TLS: tokens can be read on their way; see tls_certificate")
    }
    settle(.success(()))
  }

  /// An address that nobody asked for need not be there: another host may have it.
  private func failed(_ error: any Error) async throws {
    let problem = "\(address) cannot be listened on: \(Self.reason(error)); choose another with http in [host]"
    web.place.withLock { $0.problem = problem }
    guard settings.isHTTPAsked else {
      log.warning("\(problem); the host goes on with its control socket")
      settle(.success(()))
      return try await gracefulShutdown()
    }
    let failure = ConfigurationError(.unreadable, problem, file: settings.httpFile)
    settle(.failure(failure))
    throw failure
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    return error.errnoCode == EADDRINUSE ? "something else listens there" : String(cString: strerror(error.errnoCode))
  }

  private func settle(_ result: Result<Void, any Error>) {
    let waiting = phase.withLock { phase -> [CheckedContinuation<Void, any Error>] in
      guard case .starting(let waiting) = phase else { return [] }
      phase = .settled(result)
      return waiting
    }
    for continuation in waiting { continuation.resume(with: result) }
  }
}

/// Where HTTP is served on TCP, and if it is not, why.
public final class WebState: Sendable {
  struct Place {
    /// "http://127.0.0.1:9550"
    var url: String?
    var problem: String?
  }

  let place = Mutex(Place())

  public init() {}
}
