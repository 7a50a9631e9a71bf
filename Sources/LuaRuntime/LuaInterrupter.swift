// Stops a running Lua state from another thread.

import CLua

/// A handle that stops what a state runs. It may outlive the state; then it does nothing.
///
/// Unchecked because the C object behind it is counted atomically and guarded by the watchdog's lock.
public final class LuaInterrupter: @unchecked Sendable {
  private let handle: OpaquePointer

  init(_ vm: OpaquePointer) { handle = clua_interrupter_of(vm) }

  deinit { clua_interrupter_release(handle) }

  /// Stops the call that runs now; it ends with an error of kind `.interrupted`, whatever the script catches.
  /// - Returns: false when nothing runs: a call that starts later is not stopped.
  @discardableResult
  public func interrupt() -> Bool { clua_interrupt(handle) }
}
