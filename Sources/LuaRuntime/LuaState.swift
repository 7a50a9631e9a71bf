// A Lua state for Swift. Nothing in it lets a Lua error pass through a Swift frame.

import CLua

/// What a state starts with.
public struct LuaConfiguration: Sendable {
  public enum Library: Sendable {
    /// For untrusted policies: deterministic, without io, os, debug, load, and bounded where a hook cannot interrupt.
    case sandboxed
    /// All of Lua's own library.
    case full
  }

  public var library: Library
  /// Bytes that all of the state's memory may take; 0 is no limit.
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
  public static let policy = LuaConfiguration(
    library: .sandboxed, memoryLimit: 8 << 20, contiguousLimit: 256 << 10)
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

/// A function inside a state, kept alive by this object and released with it.
public final class LuaFunction {
  let state: LuaState
  let reference: Int32

  init(state: LuaState, reference: Int32) {
    self.state = state
    self.reference = reference
  }
}

/// A Lua state, to be used by one thread at a time.
public final class LuaState {
  public init(_ configuration: LuaConfiguration) throws(LuaError) { fatalError() }

  /// Stops what this state runs, from any thread.
  public var interrupter: LuaInterrupter { fatalError() }

  /// Compiles a chunk of text; precompiled code is refused.
  /// - Parameter name: what positions in messages begin with, such as `least_loaded.lua`; shown as it is.
  public func load(_ source: String, name: String) throws(LuaError) -> LuaFunction { fatalError() }

  public func load(_ source: [UInt8], name: String) throws(LuaError) -> LuaFunction { fatalError() }

  /// Calls a function. A deadline or an interrupt cannot be caught by the script; afterwards the state is usable.
  /// A call inside a callback runs within the deadline of the call around it.
  @discardableResult
  public func call(
    _ function: LuaFunction, _ arguments: [LuaValue] = [], deadline: Duration? = nil
  ) throws(LuaError) -> [LuaValue] { fatalError() }

  /// Calls a function and returns `tostring` of each result, for people to read.
  public func callDescribing(
    _ function: LuaFunction, _ arguments: [LuaValue] = [], deadline: Duration? = nil
  ) throws(LuaError) -> [String] { fatalError() }

  /// The value at a dotted path of globals, such as `package.path`, without metamethods; nil where a part is missing.
  public func global(_ path: String) throws(LuaError) -> LuaValue { fatalError() }

  /// Sets the value at a dotted path of globals; tables on the way are made where missing.
  public func setGlobal(_ path: String, _ value: LuaValue) throws(LuaError) { fatalError() }

  /// Sets a function at a dotted path of globals.
  public func setGlobal(_ path: String, _ function: LuaFunction) throws(LuaError) { fatalError() }

  /// The function at a dotted path of globals.
  public func function(_ path: String) throws(LuaError) -> LuaFunction { fatalError() }

  /// Makes a Swift function available at a dotted path of globals, such as `fleet.spawn`.
  public func register(_ path: String, _ body: @escaping LuaCallback) throws(LuaError) { fatalError() }

  /// Sends what scripts print to a sink instead of the process's own output. It is called as each write happens.
  public func setOutput(_ sink: @escaping LuaOutput) { fatalError() }

  /// Whether the running call was interrupted or its deadline passed: long callbacks ask this now and then.
  public var isInterrupted: Bool { fatalError() }

  /// Bytes that the state's memory takes now.
  public var memoryInUse: Int { fatalError() }

  /// A full garbage collection.
  public func collectGarbage() throws(LuaError) { fatalError() }
}
