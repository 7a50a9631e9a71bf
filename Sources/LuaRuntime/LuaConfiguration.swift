// What a Lua state starts with, and what it is given by its host.

/// The limits and the library of a state.
public struct LuaConfiguration: Sendable {
  public enum Library: Sendable {
    /// For untrusted policies: deterministic, without io, os, debug, load, and bounded where a hook cannot interrupt.
    case sandboxed
    /// All of Lua's own library.
    case full
  }

  public var library: Library
  /// Bytes that all of the scripts' memory may take; 0 is no limit. The library's own tables do not count.
  public var memoryLimit: Int
  /// Bytes that one block may take; 0 is no limit. Bounds what one C function can do before a deadline is noticed.
  public var contiguousLimit: Int
  /// Seeds `math.random` in a sandbox.
  public var seed: UInt64

  public init(library: Library, memoryLimit: Int = 0, contiguousLimit: Int = 0, seed: UInt64 = 0) {
    self.library = library
    self.memoryLimit = memoryLimit
    self.contiguousLimit = contiguousLimit
    self.seed = seed
  }

  /// 8 MiB, 256 KiB a block, sandboxed.
  public static let policy = LuaConfiguration(library: .sandboxed, memoryLimit: 8 << 20, contiguousLimit: 256 << 10)
  /// No limits, the full library.
  public static let kernel = LuaConfiguration(library: .full)
}

/// A function that Lua calls. Gets the arguments as data and returns the results. What it throws arrives in Lua as an
/// error with position (`chunk:line:`) and traceback: a `LuaError` with its value, any other error by its description.
public typealias LuaCallback = ([LuaValue]) throws -> [LuaValue]

/// Receives what `print`, `io.write`, `io.stdout:write` and `io.stderr:write` write.
public typealias LuaOutput = (LuaStream, UnsafeRawBufferPointer) -> Void

public enum LuaStream: Sendable {
  case output
  case error
}
