// Lines that a kernel asks for, from the terminal or from standard input.
import Glibc
import Synchronization

enum InputReader {
  /// What was read and has not been given to anybody.
  private static let rest = Mutex<[UInt8]>([])

  /// A line without its end; nil at the end of the input, or when Ctrl-C was pressed. A password is not echoed.
  static func line(prompt: String, isPassword: Bool) -> String? {
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal || !prompt.isEmpty { Output.write(prompt, to: STDERR_FILENO) }
    guard isPassword && isTerminal else { return line() }
    var terminal = termios()
    tcgetattr(STDIN_FILENO, &terminal)
    var silent = terminal
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal)
      Output.write("\n", to: STDERR_FILENO)
    }
    return line()
  }

  /// The same without a prompt. Not `readLine`, which goes on for ever after a signal.
  static func line() -> String? {
    rest.withLock { rest in
      while true {
        if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          defer { rest.removeSubrange(...end) }
          let line = rest[..<end]
          return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        guard let more = wait() else { return nil }
        if more.isEmpty {
          defer { rest = [] }
          return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
        }
        rest += more
      }
    }
  }

  /// What comes next; empty at the end, nil when Ctrl-C was pressed.
  private static func wait() -> [UInt8]? {
    while true {
      var entries = [STDIN_FILENO, Interruption.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, 2, -1) > 0 else { continue }
      if entries[1].revents != 0 { return nil }
      if let bytes = read() { return bytes }
    }
  }

  /// Nil if a signal came first.
  private static func read() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
    if count < 0 && errno == EINTR { return nil }
    return Array(chunk.prefix(max(0, count)))
  }

  /// All of standard input.
  static func everything() -> String {
    var bytes: [UInt8] = []
    while let more = wait(), !more.isEmpty { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }
}
