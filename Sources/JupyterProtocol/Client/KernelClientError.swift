// Why a conversation with a kernel failed.

public enum KernelClientError: Error, Sendable, Hashable, CustomStringConvertible {
  /// No answer in time; `what` names the request.
  case timedOut(what: String)
  /// The connection broke while an answer was awaited: the kernel ended or was restarted.
  case disconnected
  case socket(ZMQError)

  public var description: String {
    switch self {
    case .timedOut(let what): "the kernel did not answer \(what) in time"
    case .disconnected: "the kernel ended before it answered"
    case .socket(let error): error.description
    }
  }
}
