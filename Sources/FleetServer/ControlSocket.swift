// The HTTP server on fleet.sock.
import FleetCore
import FleetEngine
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle

/// Serves the API on a Unix socket. The caller holds the directory's lock, because binding replaces a live socket.
public struct ControlSocket: Service {
  private let application: Application<RouterResponder<FleetContext>>
  private let listener: WebListener?

  /// - Parameters:
  ///   - listener: a host that answers on its socket listens on TCP, too, or has said why not.
  ///   - onRunning: called once the socket accepts connections.
  public init(
    host: FleetHost, control: HostControl, listener: WebListener? = nil, log: Logger,
    onRunning: @escaping @Sendable () async -> Void = {}
  ) throws {
    self.listener = listener
    let limits = ServerLimits()
    let (kernels, path) = (KernelUsers(host), host.setup.directory.socket)
    let keeper = Gatekeeper.local(kernels)
    let webSockets = control.webSockets(host)
    application = Application(
      responder: makeRouter(host, control, keeper: keeper, limits: limits).buildResponder(),
      server: HTTPServerBuilder {
        ServerChannel(responder: $0, keeper: keeper, webSockets: webSockets, limits: limits)
      },
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: try Self.address(path)), serverName: "fleet"),
      onServerRunning: { socket in
        await AcceptPause.add(to: socket, log)
        do throws(EngineError) { try KernelUsers.close(path, butTo: kernels) } catch { log.error("\(error.message)") }
        await onRunning()
      }, logger: log)
  }

  public func run() async throws {
    try await listener?.settled()
    try await application.run()
  }

  /// A socket address holds 107 bytes; a longer path is reached through a descriptor of its directory.
  private static func address(_ path: String) throws -> String {
    if path.utf8.count <= 107 { return path }
    let directory = (path as NSString).deletingLastPathComponent
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CocoaError(.fileReadNoSuchFile, userInfo: [NSFilePathErrorKey: directory])
    }
    return "/proc/self/fd/\(descriptor)/" + (path as NSString).lastPathComponent
  }
}
