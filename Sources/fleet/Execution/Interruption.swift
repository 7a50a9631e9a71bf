// Ctrl-C while a kernel runs code for us: the first stops the code, the second gives up waiting, the third ends us if we
// did nothing of that for a second.
import Glibc
import JupyterProtocol
import Synchronization

/// What the signal handler may touch: plain words that live as long as the process.
private struct SignalState: ~Copyable {
  /// Where to write to when Ctrl-C is pressed; below 0 when nobody wants to know.
  let descriptor = Atomic<Int32>(-1)
  let count = Atomic<Int>(0)
  /// When the first was pressed, in seconds of CLOCK_MONOTONIC.
  let first = Atomic<Int>(0)
}

private let state = SignalState()

enum Interruption {
  /// Runs `body` with Ctrl-C as an interrupt of the kernel.
  static func forwarding<Answer>(to client: KernelClient, _ body: () throws -> Answer) rethrows -> Answer {
    try signalling(client.interruption, body)
  }

  /// Runs `body` with Ctrl-C as a signal to whoever waits for `wakeup`.
  static func signalling<Answer>(_ wakeup: Wakeup, _ body: () throws -> Answer) rethrows -> Answer {
    state.count.store(0, ordering: .relaxed)
    state.descriptor.store(wakeup.descriptor, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      let count = state.count.add(1, ordering: .relaxed).newValue
      if count == 1 { state.first.store(now.tv_sec, ordering: .relaxed) }
      // Not at once: a key that is held down comes three times before the kernel is told.
      if count > 2 && now.tv_sec > state.first.load(ordering: .relaxed) + 1 {
        _exit(ExitStatus.interrupted.rawValue)
      }
      // The same eight bytes that `Wakeup.signal` writes; calling it would retain an object inside a handler.
      var one: UInt64 = 1
      _ = write(state.descriptor.load(ordering: .relaxed), &one, 8)
    }
    var before = sigaction()
    sigaction(SIGINT, &action, &before)
    defer {
      sigaction(SIGINT, &before, nil)
      state.descriptor.store(-1, ordering: .relaxed)
      // What came last is not meant for what comes next.
      wakeup.clear()
    }
    return try body()
  }

  /// Readable once Ctrl-C was pressed; below 0 when nobody wants to know.
  static var descriptor: Int32 { state.descriptor.load(ordering: .relaxed) }

  /// Whether Ctrl-C was pressed and nobody has done anything about it yet.
  static var isPending: Bool {
    guard happened else { return false }
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Whether Ctrl-C was pressed since the last of them began.
  static var happened: Bool { state.count.load(ordering: .relaxed) > 0 }
}
