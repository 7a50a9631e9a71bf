// An operating-system thread for a Lua state: never one of Swift's concurrency pool, which a script could block.

import CLua

public enum LuaThread {
  /// Starts a detached thread.
  /// - Parameters:
  ///   - name: at most 15 bytes are kept; shown by `top -H`.
  ///   - stackSize: bytes; Lua recurses on the C stack for nested calls through C, 200 levels at most.
  /// - Throws: `.memory` when the system has no room for a thread.
  public static func start(
    name: String, stackSize: Int = 2 << 20, _ body: @escaping @Sendable () -> Void
  ) throws(LuaError) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    let error = clua_thread_start(name, stackSize, runThreadBody, box.toOpaque())
    guard error != 0 else { return }
    box.release()
    throw LuaError(.memory, "a thread could not be started (error \(error))")
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runThreadBody(_ context: UnsafeMutableRawPointer) {
  Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
}
