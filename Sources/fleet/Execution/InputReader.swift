// Lines that a kernel asks for, from the terminal or from standard input.
import Glibc
import JupyterProtocol
import Synchronization

enum InputReader {
  /// What was read and has not been given to anybody.
  private static let rest = Mutex<[UInt8]>([])

  private enum Event {
    case bytes([UInt8])
    case end
    /// Ctrl-C was pressed, or nobody waits for a line any more.
    case abandoned
    case failed(Int32)
  }

  /// A line without its end; nil at the end of the input, or when Ctrl-C was pressed or the kernel asks no more. A
  /// password is not echoed.
  static func line(prompt: String, isPassword: Bool, of client: KernelClient) -> String? {
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal || !prompt.isEmpty { Output.write(prompt, to: STDERR_FILENO) }
    guard isPassword && isTerminal else { return line(until: { !client.isStillAsked() }) }
    var terminal = termios()
    tcgetattr(STDIN_FILENO, &terminal)
    var silent = terminal
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal)
      Output.write("\n", to: STDERR_FILENO)
    }
    // Without a look at the kernel, which may have something to show: the terminal is to echo again whatever happens.
    return line()
  }

  /// The same without a prompt. Not `readLine`, which goes on for ever after a signal.
  /// - Parameter isOver: looked at five times a second while there is no line, and the first time soon.
  static func line(until isOver: () -> Bool = { false }) -> String? {
    rest.withLock { rest in
      var searched = 0
      while true {
        if let end = rest[searched...].firstIndex(of: UInt8(ascii: "\n")) {
          defer { rest.removeSubrange(...end) }
          let line = rest[..<end]
          return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        searched = rest.count
        switch next(until: isOver) {
        case .bytes(let bytes): rest += bytes
        case .abandoned:
          // What a person has begun to type is not the beginning of his next answer.
          if isatty(STDIN_FILENO) == 1 { rest = [] }
          return nil
        case .end, .failed:
          defer { rest = [] }
          return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
        }
      }
    }
  }

  private static func next(until isOver: () -> Bool) -> Event {
    var patience: Int32 = 20
    while true {
      var entries = [STDIN_FILENO, Interruption.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let count = poll(&entries, 2, patience)
      patience = 200
      if isOver() { return .abandoned }
      guard count > 0 else { continue }
      if entries[1].revents != 0 { return .abandoned }
      // What people have typed ahead of the next prompt is readline's.
      var chunk = [UInt8](repeating: 0, count: isatty(STDIN_FILENO) == 1 ? 1 : 64 << 10)
      let size = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
      if size >= 0 { return size == 0 ? .end : .bytes(Array(chunk.prefix(size))) }
      // Somebody else who reads the same pipe may have been faster.
      if errno != EINTR && errno != EAGAIN { return .failed(errno) }
    }
  }

  /// All of standard input.
  static func everything() throws(CommandFailure) -> String {
    var bytes: [UInt8] = []
    while true {
      switch next(until: { false }) {
      case .bytes(let more): bytes += more
      case .end, .abandoned: return String(decoding: bytes, as: UTF8.self)
      case .failed(let code):
        throw CommandFailure(.failed, "cannot read standard input: \(String(cString: strerror(code)))")
      }
    }
  }
}
