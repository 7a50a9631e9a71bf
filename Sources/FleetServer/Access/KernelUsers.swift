// Kernels that run as users of their own, on the control socket.
import FleetCore
import FleetEngine
import Glibc
import NIOCore
import Synchronization

/// Tells them by the user of the process that connected (`SO_PEERCRED`, unix(7)), which nobody can choose.
final class KernelUsers: Sendable {
  /// `struct ucred`, which the headers keep for GNU programs.
  private struct Credentials {
    var process: pid_t
    var uid: uid_t
    var group: gid_t
  }

  private let host: FleetHost
  /// Whose a connection is stays so: it can be handed on, and its user can be another kernel's one day.
  private let kernels = Mutex<[ObjectIdentifier: KernelID]>([:])

  /// Nil when this host gives its kernels none.
  init?(_ host: FleetHost) {
    guard host.setup.configuration.hardening.uidRange != nil else { return nil }
    self.host = host
  }

  /// - Throws: `forbidden` for a user that is neither ours nor a living kernel's.
  func identity(on channel: any Channel) async throws -> Identity {
    guard let peer = try await Self.credentials(channel)?.get() else {
      throw EngineError(.internal, "the peer of a connection cannot be told")
    }
    if Self.isOurs(peer.uid) { return .local }
    guard let kernel = await host.kernel(ofUser: peer.uid), keep(kernel.id, for: channel) == kernel.id else {
      throw EngineError(.forbidden, "user \(peer.uid) is no kernel of this host")
    }
    return .kernel(kernel.id, owner: kernel.owner)
  }

  private func keep(_ kernel: KernelID, for channel: any Channel) -> KernelID {
    let key = ObjectIdentifier(channel)
    let (first, isNew) = kernels.withLock { kernels in
      defer { kernels[key] = kernels[key] ?? kernel }
      return (kernels[key] ?? kernel, kernels[key] == nil)
    }
    if isNew { channel.closeFuture.whenComplete { [self] _ in kernels.withLock { $0[key] = nil } } }
    return first
  }

  /// Under which a connection is counted: empty for the host's own user. To be asked on the channel's event loop.
  static func name(of channel: any Channel) -> String {
    var name = ""
    credentials(channel)?.assumeIsolated().whenSuccess { peer in
      if !isOurs(peer.uid) { name = "user \(peer.uid)" }
    }
    return name
  }

  private static func isOurs(_ user: uid_t) -> Bool { user == 0 || user == geteuid() }

  private static func credentials(_ channel: any Channel) -> EventLoopFuture<Credentials>? {
    (channel as? any SocketOptionProvider)?.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
  }

  /// Lets nobody but the host's user connect to a socket that was bound, and kernels if there are any.
  static func close(_ socket: String, butTo kernels: KernelUsers?) throws(EngineError) {
    let group = kernels?.host.setup.configuration.hardening.uidRange?.first
    guard chown(socket, .max, group ?? .max) == 0, chmod(socket, group == nil ? 0o600 : 0o660) == 0 else {
      throw EngineError(.internal, "who may connect to \(socket) cannot be set: \(String(cString: strerror(errno)))")
    }
  }
}
