// A sign of life on a terminal while something takes longer than a second.
import Glibc
import JupyterProtocol

/// After a second it tells on standard error, if that is a terminal, what is going on and for how long.
final class Progress {
  private let ticker: (thread: SystemThread, end: Wakeup)?
  private var hasEnded = false

  /// - Parameter afterInterrupt: what to tell once Ctrl-C was pressed.
  init(_ task: String, afterInterrupt: String? = nil) {
    // Only decoration: without a thread for it there is none.
    guard Output.errorIsTerminal, let end = try? Wakeup() else {
      ticker = nil
      return
    }
    let thread = try? SystemThread.start(name: "progress") {
      var seconds = 0
      var entry = pollfd(fd: end.descriptor, events: Int16(POLLIN), revents: 0)
      while poll(&entry, 1, 1000) == 0 {
        seconds += 1
        let note = Interruption.happened ? afterInterrupt ?? task : task
        Output.write("\r\u{1B}[K\(note) … \(seconds) s", to: STDERR_FILENO)
      }
      if seconds > 0 { Output.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
    ticker = thread.map { ($0, end) }
  }

  /// Takes the line away. May be called again.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    ticker?.end.signal()
    ticker?.thread.join()
  }

  static func during<Answer>(_ task: String, _ body: () throws -> Answer) rethrows -> Answer {
    let progress = Progress(task)
    defer { progress.end() }
    return try body()
  }
}
