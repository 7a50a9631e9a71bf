// Kernels that run as users of their own, on the control socket.
import FleetCore
import FleetEngine
import Glibc
import NIOCore

/// Tells them by the user of the process that connected (`SO_PEERCRED`, unix(7)), which nobody can choose.
struct KernelUsers: Sendable {
  /// `struct ucred`, which the headers keep for GNU programs.
  private struct Credentials {
    var process: pid_t
    var uid: uid_t
    var group: gid_t
  }

  let host: FleetHost

  /// Nil when this host gives its kernels none.
  init?(_ host: FleetHost) {
    guard host.setup.configuration.hardening.uidRange != nil else { return nil }
    self.host = host
  }

  /// - Throws: `forbidden` for a user that is neither ours nor a living kernel's.
  func identity(on channel: any Channel) async throws -> Identity {
    guard let options = channel as? any SocketOptionProvider else {
      throw EngineError(.internal, "the peer of a connection cannot be told")
    }
    let peer: Credentials = try await options.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
    ).get()
    if peer.uid == geteuid() || peer.uid == 0 { return .local }
    guard let kernel = await host.kernel(ofUser: peer.uid) else {
      throw EngineError(.forbidden, "user \(peer.uid) is no kernel of this host")
    }
    return .kernel(kernel.id, owner: kernel.owner)
  }

  /// Lets them connect to a socket that was bound.
  func admit(to socket: String) throws(EngineError) {
    let group = host.setup.configuration.hardening.uidRange?.first ?? .max
    guard chown(socket, .max, group) == 0, chmod(socket, 0o660) == 0 else {
      throw EngineError(.internal, "kernels cannot be let to \(socket): \(String(cString: strerror(errno)))")
    }
  }
}
