// An operating-system thread for a Lua state: never one of Swift's concurrency pool, which a script could block.

import Glibc

public enum LuaThread {
  /// Starts a detached thread.
  /// - Parameters:
  ///   - name: at most 15 bytes are kept; shown by `top -H`.
  ///   - stackSize: bytes; Lua recurses on the C stack for nested calls through C (200 levels at most).
  public static func start(name: String, stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) {
    fatalError()
  }
}
