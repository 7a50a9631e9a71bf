// What other threads want of the Lua thread: an interrupt, or the end.
import Glibc
import JupyterProtocol
import LuaRuntime
import Synchronization

/// Why the kernel ends.
enum Ending: Sendable, Hashable {
  /// A shutdown request or SIGTERM.
  case shutdown(restart: Bool)
  /// `os.exit`.
  case exit(code: Int32)
  /// Nobody asked for anything for `--idle-timeout`.
  case idle

  var exitCode: Int32 {
    if case .exit(let code) = self { code } else { 0 }
  }
}

/// Usable from every thread.
final class KernelSignals: Sendable {
  private struct State {
    /// Counts executions; odd while one runs.
    var execution: UInt64 = 0
    var ending: Ending?
    /// The execution that was last told to stop.
    var interrupted: UInt64 = 0
    /// Wakes the client of another kernel that a script waits for.
    var child: Wakeup?

    var isExecuting: Bool { execution % 2 == 1 }
  }

  /// How often Lua is looked for, a millisecond apart.
  private static let looks = 250

  private let state = Mutex(State())
  private let interrupter: LuaInterrupter
  private let wakeup: Wakeup

  init(interrupter: LuaInterrupter, wakeup: Wakeup) {
    self.interrupter = interrupter
    self.wakeup = wakeup
  }

  var ending: Ending? { state.withLock { $0.ending } }

  /// Nothing if an execution has begun.
  func beginExecution() {
    state.withLock { state in
      guard !state.isExecuting else { return }
      state.execution += 1
      // Who ends the kernel found nothing to interrupt.
      if state.ending != nil { state.interrupted = state.execution }
      // What is left of an interrupt of the last execution does not concern this one.
      wakeup.clear()
    }
  }

  func endExecution() { state.withLock { $0.execution += $0.isExecuting ? 1 : 0 } }

  /// Whether the execution that runs now was told to stop.
  var isInterrupted: Bool { state.withLock { $0.isExecuting && $0.interrupted == $0.execution } }

  /// Runs `body`, during which an interrupt is passed on to another kernel.
  /// - Throws: before it runs if the interrupt came first.
  func waiting<T>(for child: Wakeup, _ body: () throws -> T) throws -> T {
    child.clear()
    state.withLock { $0.child = child }
    defer { state.withLock { $0.child = nil } }
    if isInterrupted { throw ScriptError("interrupted") }
    return try body()
  }

  /// Ends the kernel after the request that runs now, which is interrupted. The first reason counts.
  func end(_ ending: Ending) {
    state.withLock { $0.ending = $0.ending ?? ending }
    interrupt()
    wakeup.signal()
  }

  /// Stops what is executed, if anything is.
  /// - Parameter commands: those that it waits for, too; a terminal's Ctrl-C has reached them already.
  func interrupt(commands: Bool = true) {
    let running = state.withLock { state -> UInt64? in
      guard state.isExecuting else { return nil }
      state.interrupted = state.execution
      return state.execution
    }
    guard let running else { return }
    // First the script's state, so that nobody who is woken goes on. An execution is more than Lua: for some
    // microseconds before and after the call there is nothing to interrupt, on a busy machine for longer.
    for _ in 0..<Self.looks {
      guard let isStopped = during(running, { _ in interrupter.interrupt() }) else { return }
      if isStopped { break }
      poll(nil, 0, 1)
    }
    _ = during(running) { state in
      if commands { ProcessSignals.interruptCommands() }
      state.child?.signal()
      wakeup.signal()  // for a script that waits for input or for a model
    }
  }

  /// Runs `body` unless the execution has ended; the next cannot begin meanwhile.
  private func during<T: Sendable>(_ execution: UInt64, _ body: (borrowing State) -> T) -> T? {
    state.withLock { $0.execution == execution ? body($0) : nil }
  }
}
