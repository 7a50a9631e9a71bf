// When kernels last executed something: for people, and for who ends kernels that nobody uses.
import FleetEngine
import Synchronization

/// One time for each kernel of the host.
final class ActivityBook: Sendable {
  private let times = Mutex<[KernelID: Int64]>([:])
  /// Grows after each change.
  let version = Atomic<Int>(0)

  func touch(_ id: KernelID) {
    let now = FleetHost.wallMilliseconds()
    times.withLock { $0[id] = now }
    version.add(1, ordering: .releasing)
  }

  func forget(_ id: KernelID) {
    times.withLock { $0[id] = nil }
    version.add(1, ordering: .releasing)
  }

  /// Milliseconds since 1970; nil before the first execution that this host saw.
  func last(_ id: KernelID) -> Int64? { times.withLock { $0[id] } }
}

/// What a kernel is used for by whom, at one moment.
public struct KernelActivity: Sendable, Hashable {
  /// When an execution last began or ended, in milliseconds since 1970. Before the first: when the process was started,
  /// or, if that is unknown, the host. Connections and mere questions are no activity.
  public var lastActivity: Int64
  /// Clients that are connected: WebSockets now, others as they were last counted.
  public var connections: Int
}

extension FleetHost {
  /// Of a kernel that has a row; costs no system call.
  public func activity(of id: KernelID) -> KernelActivity {
    let kernel = engine.kernels[id]
    let last = wire.activity.last(id) ?? kernel?.process?.startedAt ?? startedAt
    let counted = directConnections[id] ?? 0
    return KernelActivity(lastActivity: last, connections: hub.connections(of: id) + counted)
  }
}
