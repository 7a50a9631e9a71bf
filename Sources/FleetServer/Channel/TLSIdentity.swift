// The certificate and key of a listener, read again when the files change.
import FleetConfiguration
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// Connections that are open keep the certificate that they began with.
public final class TLSIdentity: Sendable {
  private struct State {
    var context: NIOSSLContext
    var versions: [FileVersion]
    var lookedAt = ContinuousClock.now
  }

  private static let freshness: Duration = .seconds(1)

  private let certificate: String
  private let key: String
  private let log: Logger
  private let state: Mutex<State>

  /// - Parameters:
  ///   - certificate: a PEM file, with the chain behind the certificate.
  ///   - key: a PEM file that only the host's user can read.
  public init(certificate: String, key: String, log: Logger) throws(ConfigurationError) {
    (self.certificate, self.key, self.log) = (certificate, key, log)
    let versions = Self.versions(certificate, key)
    state = Mutex(State(context: try Self.load(certificate, key), versions: versions))
  }

  /// What a new connection uses.
  var context: NIOSSLContext {
    state.withLock { state in
      let now = ContinuousClock.now
      guard now - state.lookedAt >= Self.freshness else { return state.context }
      state.lookedAt = now
      let versions = Self.versions(certificate, key)
      guard versions != state.versions else { return state.context }
      do throws(ConfigurationError) {
        state.context = try Self.load(certificate, key)
        state.versions = versions
        log.info("read the certificate \(certificate) again")
      } catch {
        // Certificate and key are replaced one after the other: looked at again with a later connection.
        log.warning("the certificate as it was stays in use: \(error)")
      }
      return state.context
    }
  }

  private static func versions(_ paths: String...) -> [FileVersion] { paths.map(FileVersion.init(path:)) }

  private static func load(_ certificate: String, _ key: String) throws(ConfigurationError) -> NIOSSLContext {
    guard try PrivateFile.read(key) != nil else {
      throw ConfigurationError(.notFound, "there is no such file", file: key)
    }
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
      let secret = try NIOSSLPrivateKey(file: key, format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain, privateKey: .privateKey(secret))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw ConfigurationError(
        .badValue, "the certificate \(certificate) and the key \(key) cannot be used: \(error)", file: certificate)
    }
  }
}

/// A server channel behind TLS.
struct SecureChannel: ServerChildChannel {
  typealias Value = ServerChannel.Value

  let inner: ServerChannel
  let identity: TLSIdentity

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: identity.context))
    }.flatMap { inner.setup(channel: channel, logger: logger) }
  }

  func handle(value: Value, logger: Logger) async { await inner.handle(value: value, logger: logger) }
}
