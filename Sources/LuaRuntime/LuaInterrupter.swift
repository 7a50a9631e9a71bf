// Stops a running Lua state from another thread.

/// A handle that stops what a state runs. It may outlive the state; then it does nothing.
public final class LuaInterrupter: Sendable {
  /// Stops the call that runs now; it ends with an error of kind `.interrupted`, whatever the script catches.
  /// - Returns: false when nothing runs: a call that starts later is not stopped.
  @discardableResult
  public func interrupt() -> Bool { fatalError() }

  init() {}
}
