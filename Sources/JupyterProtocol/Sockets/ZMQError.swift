// Errors of libzmq and of the system calls beside it.
import CZeroMQ
import Glibc

/// A call to libzmq that failed.
public struct ZMQError: Error, Sendable, Hashable, CustomStringConvertible {
  /// `errno` as libzmq reports it.
  public let code: Int32
  /// What was tried, such as `bind tcp://127.0.0.1:9555`.
  public let action: String

  public init(code: Int32, action: String) {
    self.code = code
    self.action = action
  }

  /// The error of the call to libzmq that has just failed on this thread.
  static func last(_ action: String) -> ZMQError { ZMQError(code: zmq_errno(), action: action) }

  /// Someone else already listens there.
  public var isAddressInUse: Bool { code == EADDRINUSE }

  public var description: String { "cannot \(action): \(String(cString: zmq_strerror(code)))" }
}
