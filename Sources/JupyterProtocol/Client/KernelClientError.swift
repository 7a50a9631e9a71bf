// Why a conversation with a kernel failed.

public enum KernelClientError: Error, Sendable, Hashable, CustomStringConvertible {
  /// No answer in time; `what` names the request.
  case timedOut(what: String)
  /// The connection broke while an answer was awaited: the kernel ended or was restarted.
  case disconnected
  /// `interruption` was signalled while the kernel was waited for, or a second time during an execution.
  case interrupted
  case socket(ZMQError)

  public var description: String {
    switch self {
    case .timedOut(let what): "the kernel did not answer \(what) in time"
    case .disconnected: "the kernel ended before it answered"
    case .interrupted: "interrupted while waiting for the kernel"
    case .socket(let error): error.description
    }
  }
}
