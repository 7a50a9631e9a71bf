// SIGINT and SIGTERM: the handler only notes them and wakes the service thread.
import Glibc
import JupyterProtocol
import Synchronization

enum ProcessSignals {
  /// A bit for each signal that arrived.
  private static let arrived = Atomic<UInt64>(0)
  /// Of the `Wakeup` that the handler signals; written once before a handler is installed.
  private static let descriptor = Atomic<Int32>(-1)

  /// Nanoseconds of CLOCK_MONOTONIC until which SIGINT is one that we sent ourselves.
  private static let ownUntil = Atomic<UInt64>(0)

  /// SIGINT for the commands that a script waits for (`os.execute`, `io.popen`), as Ctrl-C in a terminal: they are in our
  /// group. Not if the group is somebody else's.
  static func interruptCommands() {
    guard getpgrp() == getpid() else { return }
    // For as long as it may take to be delivered; ignored while `system` waits, it never comes.
    ownUntil.store(now() + 100_000_000, ordering: .sequentiallyConsistent)
    kill(0, SIGINT)
  }

  /// Async-signal-safe.
  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

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
    defer { errno = before }
    if signal == SIGINT, now() < ownUntil.exchange(0, ordering: .sequentiallyConsistent) { return }
    arrived.bitwiseOr(1 << UInt64(signal), ordering: .sequentiallyConsistent)
    var one: UInt64 = 1
    _ = write(descriptor.load(ordering: .sequentiallyConsistent), &one, 8)
  }
}
