// What one client may take of the server.
import NIOCore
import Synchronization

public struct ServerLimits: Sendable {
  /// Connections of all clients together.
  public var connections = 4096
  /// Connections from one address.
  public var connectionsOfAddress = 2048
  /// Connections of one kernel that has a user of its own to the control socket.
  public var connectionsOfKernel = 64
  /// Requests of one token that run at a time.
  public var requests = 256
  /// Bytes of a request's head, and how many fields it has.
  public var headBytes = 64 << 10
  public var headFields = 200
  /// From the connection to the end of its first request's head, TLS included.
  public var headTime: TimeAmount = .seconds(10)
  /// From a request's head to the end of its body.
  public var requestTime: TimeAmount = .seconds(30)
  /// Between two requests of a connection.
  public var idleTime: TimeAmount = .seconds(75)
  /// How long what is written may wait for its reader.
  public var stallTime: TimeAmount = .seconds(30)

  public init() {}
}

/// Open connections of one listener, by address.
final class ConnectionTable: Sendable {
  private struct State {
    var total = 0
    var byAddress: [String: Int] = [:]
  }

  private let limits: ServerLimits
  private let state = Mutex(State())

  init(limits: ServerLimits) { self.limits = limits }

  var count: Int { state.withLock(\.total) }

  /// False if there is no room for another one. For the host's own user, on the control socket, there is more than for
  /// others: it must be able to end them.
  /// - Parameter address: an IP address, or as `KernelUsers.name` has it.
  func add(_ address: String) -> Bool {
    state.withLock { state in
      let most = address.hasPrefix("user ") ? limits.connectionsOfKernel : limits.connectionsOfAddress
      let isFull = state.total >= limits.connections && !address.isEmpty
      guard !isFull, state.byAddress[address, default: 0] < most else { return false }
      state.total += 1
      state.byAddress[address, default: 0] += 1
      return true
    }
  }

  func remove(_ address: String) {
    state.withLock { state in
      state.total -= 1
      guard let count = state.byAddress[address] else { return }
      state.byAddress[address] = count == 1 ? nil : count - 1
    }
  }
}
