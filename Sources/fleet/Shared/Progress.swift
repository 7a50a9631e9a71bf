// A sign of life on a terminal while something takes longer than a second.
import Glibc
import JupyterProtocol
import Synchronization

enum Progress {
  /// Runs `body`; after a second it is told on standard error, if that is a terminal, what is going on and how long.
  static func during<Answer>(_ task: String, _ body: () throws -> Answer) rethrows -> Answer {
    guard Output.errorIsTerminal, let ticker = try? Ticker(task) else { return try body() }  // decoration only
    defer { ticker.stop() }
    return try body()
  }

  private final class Ticker {
    private let thread: SystemThread
    private let end: Wakeup

    init(_ task: String) throws {
      let end = try Wakeup()
      self.end = end
      thread = try SystemThread.start(name: "progress") {
        var seconds = 0
        var entry = pollfd(fd: end.descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 1000) == 0 {
          seconds += 1
          Output.write("\r\u{1B}[K\(task) … \(seconds) s", to: STDERR_FILENO)
        }
        if seconds > 0 { Output.write("\r\u{1B}[K", to: STDERR_FILENO) }
      }
    }

    func stop() {
      end.signal()
      thread.join()
    }
  }
}
