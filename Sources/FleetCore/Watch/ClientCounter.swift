// How many clients are connected to kernels, asked of the system when somebody wants to know.

import CFleetSystem
import Glibc
import Synchronization

/// Counts established TCP clients of kernels: not this process's connections, and not those of a kernel to itself
/// (ipykernel makes one). It remembers whose a connection is, so that the descriptors of processes are looked through
/// only when one is new.
public final class ClientCounter: Sendable {
  private struct Connection: Hashable {
    var server: UInt16
    var client: UInt16
    /// Of the client's socket.
    var inode: UInt32
  }

  /// Whether its client is none that counts.
  private let known = Mutex<[Connection: Bool]>([:])

  public init() {}

  /// For each port how many established peers it has. One dump of the system's connections for all ports. Peers from
  /// other machines and namespaces count.
  /// - Parameter servers: the processes behind the ports; connections from them and from what they started do not count.
  public func established(on servers: [UInt16: Int32]) throws(SystemError) -> [UInt16: Int] {
    var counts = servers.mapValues { _ in 0 }
    if servers.isEmpty { return counts }
    var ends = try Self.ends()
    var connections = Set(Self.clients(ends, servers))
    if Self.hasSingleEnds(ends, connections, servers) {
      // A dump is no snapshot: a connection made meanwhile may have shown the server's end alone. One from another machine
      // has no other end here, and is in both.
      let earlier = Set(ends.map(Self.pair))
      ends = try Self.ends()
      connections.formUnion(Self.clients(ends, servers))
      ends.removeAll { !earlier.contains(Self.pair($0)) }
    }
    let own = Set(
      try judge(connections, servers).filter(\.value).map { Self.pair($0.key.server, $0.key.client) })
    for end in ends where servers[end.local_port] != nil && !own.contains(Self.pair(end)) {
      counts[end.local_port, default: 0] += 1
    }
    return counts
  }

  private static func hasSingleEnds(
    _ ends: [fleet_tcp_end], _ connections: Set<Connection>, _ servers: [UInt16: Int32]
  ) -> Bool {
    let pairs = Set(connections.map { pair($0.server, $0.client) })
    return ends.contains { servers[$0.local_port] != nil && !pairs.contains(pair($0)) }
  }

  private static func clients(_ ends: [fleet_tcp_end], _ servers: [UInt16: Int32]) -> [Connection] {
    ends.filter { servers[$0.remote_port] != nil }.map {
      Connection(server: $0.remote_port, client: $0.local_port, inode: $0.inode)
    }
  }

  private static func pair(_ server: UInt16, _ client: UInt16) -> UInt32 { UInt32(server) << 16 | UInt32(client) }
  private static func pair(_ end: fleet_tcp_end) -> UInt32 { pair(end.local_port, end.remote_port) }

  private static func ends() throws(SystemError) -> [fleet_tcp_end] {
    try connections(AF_INET) + connections(AF_INET6)
  }

  private func judge(
    _ connections: Set<Connection>, _ servers: [UInt16: Int32]
  ) throws(SystemError) -> [Connection: Bool] {
    let before = known.withLock { $0 }
    var now: [Connection: Bool] = [:]
    var new: [Connection] = []
    for connection in connections {
      if let verdict = before[connection] { now[connection] = verdict } else { new.append(connection) }
    }
    if !new.isEmpty {
      let ours = try Self.socketInodes(of: getpid())
      var kernels: [Int32: Set<UInt32>] = [:]
      for connection in new {
        let server = servers[connection.server] ?? 0
        let theirs = kernels[server] ?? Self.socketInodes(below: server)
        kernels[server] = theirs
        now[connection] = ours.contains(connection.inode) || theirs.contains(connection.inode)
      }
      // A socket of ours that was closed after the dump is nobody's any more, and would look like somebody else's.
      let foreign = new.filter { now[$0] == false }
      if !foreign.isEmpty {
        let left = Set(Self.clients(try Self.ends(), servers))
        for connection in foreign where !left.contains(connection) { now[connection] = true }
      }
    }
    known.withLock { $0 = now }
    return now
  }

  /// Of a process and those that it started; none of what this user may not look at.
  private static func socketInodes(below root: Int32) -> Set<UInt32> {
    ([root] + ProcessTree.below(root).map(\.pid)).reduce(into: []) { all, pid in
      do throws(SystemError) { all.formUnion(try socketInodes(of: pid)) } catch {}
    }
  }

  private static func socketInodes(of pid: Int32) throws(SystemError) -> Set<UInt32> {
    var inodes = [UInt32](repeating: 0, count: 1024)
    var count = fleet_socket_inodes(pid, &inodes, inodes.count)
    while count > inodes.count {
      inodes = [UInt32](repeating: 0, count: count + count / 4)
      count = fleet_socket_inodes(pid, &inodes, inodes.count)
    }
    if count == -Int(ENOENT) { return [] }  // it has ended
    guard count >= 0 else { throw SystemError("list the sockets of process \(pid)", code: Int32(-count)) }
    return Set(inodes.prefix(count))
  }

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
}
