// Lines that a kernel asks for, from the terminal or from standard input.
import Glibc

enum InputReader {
  /// A line without its end; nil at the end of the input. A password is not echoed.
  static func line(prompt: String, isPassword: Bool) -> String? {
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal || !prompt.isEmpty { Output.write(prompt, to: STDERR_FILENO) }
    guard isPassword && isTerminal else { return readLine() }
    var terminal = termios()
    tcgetattr(STDIN_FILENO, &terminal)
    var silent = terminal
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal)
      Output.write("\n", to: STDERR_FILENO)
    }
    return readLine()
  }

  /// All of standard input.
  static func everything() -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}
