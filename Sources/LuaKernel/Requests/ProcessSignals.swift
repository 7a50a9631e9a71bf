// SIGINT and SIGTERM: the handler only notes them and wakes the service thread.
import Glibc
import JupyterProtocol
import Synchronization

enum ProcessSignals {
  /// A bit for each signal that arrived.
  private static let arrived = Atomic<UInt64>(0)
  /// Of the `Wakeup` that the handler signals; written once before a handler is installed.
  private static let descriptor = Atomic<Int32>(-1)

  /// Signals that the starter had blocked, as threads of libdispatch do, would stay blocked here and in what scripts run.
  static func unblock() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// From now on SIGINT and SIGTERM signal `attention`; a broken pipe is an error of the write, not the end.
  static func install(_ attention: Wakeup) {
    arrived.store(0, ordering: .relaxed)
    descriptor.store(attention.descriptor, ordering: .sequentiallyConsistent)
    for signal in [SIGINT, SIGTERM] { handle(signal) { ProcessSignals.note($0) } }
    // Not ignored, which programs that scripts start would inherit.
    handle(SIGPIPE) { _ in }
  }

  private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handler
    action.sa_flags = SA_RESTART
    sigaction(signal, &action, nil)
  }

  /// The signals since the last call.
  static func take() -> (interrupt: Bool, terminate: Bool) {
    let bits = arrived.exchange(0, ordering: .sequentiallyConsistent)
    return (bits & (1 << UInt64(SIGINT)) != 0, bits & (1 << UInt64(SIGTERM)) != 0)
  }

  /// Async-signal-safe: two atomics and a write.
  private static func note(_ signal: Int32) {
    let before = errno
    arrived.bitwiseOr(1 << UInt64(signal), ordering: .sequentiallyConsistent)
    var one: UInt64 = 1
    _ = write(descriptor.load(ordering: .sequentiallyConsistent), &one, 8)
    errno = before
  }
}
