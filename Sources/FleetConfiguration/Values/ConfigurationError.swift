// What can be wrong with a configuration, as one sentence that says where and what to do.

/// An error in a configuration file, in a value given on the command line, or in a name that leads nowhere.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// There is no such file.
    case notFound
    /// The file exists and cannot be read.
    case unreadable
    /// The file cannot be read now: no descriptor, no memory, a disk that fails.
    case unavailable
    /// The file is no TOML or no JSON.
    case syntax
    case unknownKey
    case wrongType
    /// Of the right type, but outside of what is allowed.
    case badValue
    /// A directory or file that somebody else could change.
    case insecure
  }

  public let code: Code
  /// The file as the user named it; nil if no file is to blame.
  public let file: String?
  public let position: SourcePosition?
  /// What is wrong, without its place.
  public let message: String

  public init(_ code: Code, _ message: String, file: String? = nil, at position: SourcePosition? = nil) {
    self.code = code
    self.message = message
    self.file = file
    self.position = position
  }

  /// `file:line: message`, and for syntax errors `file:line:column: message`.
  public var description: String {
    guard let file else { return message }
    guard let position else { return "\(file): \(message)" }
    let column = code == .syntax ? ":\(position.column)" : ""
    return "\(file):\(position.line)\(column): \(message)"
  }
}

/// Why a text does not stand for a value of its kind; whoever knows where it was written adds the place.
public struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
