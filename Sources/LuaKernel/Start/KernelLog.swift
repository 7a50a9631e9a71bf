// The kernel's own log: lines on stderr, which a shim or --log-file takes to a file.
import Glibc
import JupyterProtocol

struct KernelLog: Sendable {
  let id: String
  let isVerbose: Bool

  func debug(_ message: @autoclosure () -> String) {
    if isVerbose { write("DEBUG", message()) }
  }

  func info(_ message: String) { write("INFO", message) }
  func warning(_ message: String) { write("WARNING", message) }

  /// One write for a line, so that lines of several threads do not mix.
  private func write(_ level: String, _ message: String) {
    let line = "\(Timestamp.now()) \(level) \(id): \(message.split(separator: "\n").joined(separator: " "))\n"
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      // A log that cannot be written to must not end the kernel.
      if count <= 0 { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
