// What went wrong in Lua, as plain data.

/// An error of a Lua state.
public struct LuaError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// The source does not compile, or is not text.
    case syntax
    /// A script or a callback raised an error.
    case runtime
    /// The state's memory cap, its contiguous cap, or the system's memory is exhausted.
    case memory
    /// The call's deadline passed.
    case deadline
    /// A `LuaInterrupter` stopped the call.
    case interrupted
    /// A value has the wrong type for what was asked (setting a field of a number, calling what is no function).
    case type
  }

  public var kind: Kind
  /// One sentence, usually `chunk:line: what`. For an error value that is no string: its `tostring`.
  public var message: String
  /// `stack traceback:` and a line per level; empty where none exists (syntax, memory).
  public var traceback: String
  /// The value that was raised, as data: tables and nil too.
  public var value: LuaValue

  public init(_ kind: Kind, _ message: String, traceback: String = "", value: LuaValue? = nil) {
    self.kind = kind
    self.message = message
    self.traceback = traceback
    self.value = value ?? .text(message)
  }

  public var description: String { message }

  /// Whether a syntax error is one that more text may cure: the source ended too early.
  public var isIncomplete: Bool { kind == .syntax && message.hasSuffix("<eof>") }
}
