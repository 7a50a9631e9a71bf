// What the wire thread tells the host.
import JSON

/// News of a kernel; `token` is the number that the host gave it.
public enum WireEvent: Sendable, Hashable {
  /// The kernel answered `kernel_info_request` with this content.
  case ready(token: UInt64, info: JSON)
  /// A heartbeat was echoed, or was not until the next one was due.
  case heartbeat(token: UInt64, isAlive: Bool)
  /// The kernel published a change of its state; whether an execution is what began or ended.
  case status(token: UInt64, KernelState, isExecution: Bool)
  /// An interrupt request was answered, or was not within `Wire.patience`; `number` is the caller's own.
  case interrupted(token: UInt64, number: UInt64, isAnswered: Bool)
  /// A shutdown request was answered, or was not within `Wire.patience`. The process ends afterwards.
  case shutdown(token: UInt64, isAnswered: Bool)
  /// The kernel's sockets could not be made. For a request, its own event follows.
  case failed(token: UInt64, ZMQError)

  public enum KernelState: String, Sendable {
    case starting, busy, idle
  }
}
