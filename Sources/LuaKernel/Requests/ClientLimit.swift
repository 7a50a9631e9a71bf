// --max-clients: how many connections may execute code.
import Glibc

/// Counts connections to the shell channel that have asked for something. A connection is known by its descriptor and
/// the address of its peer, so that one which has closed makes room without anybody having to watch it.
struct ClientLimit {
  private let limit: Int
  private var admitted: [Int32: [UInt8]] = [:]

  /// - Parameter limit: 0 is no limit.
  init(_ limit: Int) { self.limit = limit }

  /// Whether requests of the connection are served.
  mutating func admits(_ source: Int32) -> Bool {
    guard limit > 0, source >= 0 else { return true }
    let peer = ClientLimit.peer(of: source)
    if admitted[source] == peer { return true }
    admitted = admitted.filter { $0.value == ClientLimit.peer(of: $0.key) }
    guard admitted.count < limit else { return false }
    admitted[source] = peer
    return true
  }

  /// The peer's address; for Unix sockets, whose clients have none, its process. Empty if the connection is gone.
  private static func peer(of descriptor: Int32) -> [UInt8] {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    }
    guard result == 0 else { return [] }
    if address.ss_family == sa_family_t(AF_UNIX) {
      // struct ucred: pid, uid, gid.
      var process: [UInt32] = [0, 0, 0]
      var size = socklen_t(12)
      guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0 else { return [] }
      return process.withUnsafeBytes { Array($0) }
    }
    return withUnsafeBytes(of: &address) { Array($0.prefix(Int(length))) }
  }
}
