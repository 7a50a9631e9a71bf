// Files that a command was told to write, and how wide the terminal is.
import Glibc

extension Output {
  static func save(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw unwritable(path) }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { throw unwritable(path) }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  private static func unwritable(_ path: String) -> CommandFailure {
    CommandFailure(.failed, "\(path) cannot be written: \(String(cString: strerror(errno)))")
  }

  /// Columns of the terminal; 80 where there is none.
  static var width: Int {
    var size = winsize()
    guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 80 }
    return min(Int(size.ws_col), 200)
  }
}
