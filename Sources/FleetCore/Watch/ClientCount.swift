// How many clients are connected to kernels, asked of the system when somebody wants to know.

import CFleetSystem
import Glibc

/// Counts established TCP clients of kernels.
public enum ClientCount {
  /// For each of the ports how many established peers it has, without the sockets of the processes `excluding` (the
  /// host's own). One dump of the system's connections for all ports. Peers from other machines and namespaces count.
  public static func established(
    on ports: Set<UInt16>, excluding processes: [Int32] = [getpid()], peerPorts: Set<UInt16> = []
  ) throws(SystemError) -> [UInt16: Int] {
    var counts = Dictionary(uniqueKeysWithValues: ports.map { ($0, 0) })
    if ports.isEmpty { return counts }
    let ends = try connections(AF_INET) + connections(AF_INET6)
    // The other ends of connections of the excluded processes: a pair of ports names one.
    var own: Set<UInt32> = []
    let inodes = try socketInodes(of: processes)
    for end in ends where ports.contains(end.remote_port) && inodes.contains(end.inode) {
      own.insert(pair(end.remote_port, end.local_port))
    }
    for end in ends where ports.contains(end.local_port) {
      guard !own.contains(pair(end.local_port, end.remote_port)), !peerPorts.contains(end.remote_port) else { continue }
      counts[end.local_port, default: 0] += 1
    }
    return counts
  }

  private static func pair(_ server: UInt16, _ client: UInt16) -> UInt32 { UInt32(server) << 16 | UInt32(client) }

  /// Asks again with more room while connections appear faster than the room grows.
  private static func connections(_ family: Int32) throws(SystemError) -> [fleet_tcp_end] {
    var ends = [fleet_tcp_end](repeating: fleet_tcp_end(), count: 1024)
    while true {
      let count = fleet_tcp_established(family, &ends, ends.count)
      // A system without IPv6 has no connections of it.
      if family == AF_INET6, count == -Int(ENOENT) || count == -Int(EAFNOSUPPORT) { return [] }
      guard count >= 0 else { throw SystemError("list TCP connections (sock_diag)", code: Int32(-count)) }
      if count <= ends.count { return Array(ends.prefix(count)) }
      ends = [fleet_tcp_end](repeating: fleet_tcp_end(), count: count + count / 4)
    }
  }

  private static func socketInodes(of processes: [Int32]) throws(SystemError) -> Set<UInt32> {
    var all: Set<UInt32> = []
    var inodes = [UInt32](repeating: 0, count: 1024)
    for pid in processes {
      var count = fleet_socket_inodes(pid, &inodes, inodes.count)
      while count > inodes.count {
        inodes = [UInt32](repeating: 0, count: count + count / 4)
        count = fleet_socket_inodes(pid, &inodes, inodes.count)
      }
      if count == -Int(ENOENT) { continue }  // it has ended
      guard count >= 0 else { throw SystemError("list the sockets of process \(pid)", code: Int32(-count)) }
      all.formUnion(inodes.prefix(count))
    }
    return all
  }
}
