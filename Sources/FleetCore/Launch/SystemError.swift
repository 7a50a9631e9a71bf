// An operation of the system that failed, with what was tried and why it did not work.

import Glibc

/// A failed call of the operating system.
public struct SystemError: Error, Hashable, CustomStringConvertible {
  /// What was tried, as the end of "cannot …".
  public let operation: String
  /// The errno.
  public let code: Int32

  public init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  public var description: String { "cannot \(operation): \(Self.text(of: code))" }

  /// The system's words for an errno.
  public static func text(of code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
