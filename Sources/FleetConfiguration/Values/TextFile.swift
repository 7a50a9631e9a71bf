// Small text files, whole: configurations and kernelspecs.
import Glibc

package enum TextFile {
  /// More than any configuration; a bound for a name that leads to a device or a log.
  static let maximumSize = 4 << 20

  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The text of a regular file, which must be UTF-8.
  package static func read(_ path: String) throws(ConfigurationError) -> String {
    let bytes = try readBytes(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(.syntax, "is not UTF-8 text", file: path)
    }
    return text
  }

  private static func readBytes(_ path: String) throws(ConfigurationError) -> [UInt8] {
    // Not blocking, so that a named pipe cannot hold up the reader.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a directory" : "is no regular file"
      throw ConfigurationError(.unreadable, "\(kind), not a file to read", file: path)
    }
    guard status.st_size <= maximumSize else {
      throw ConfigurationError(
        .unreadable, "is larger than \(ByteCount(bytes: Int64(maximumSize)).spelled)", file: path)
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while bytes.count <= maximumSize {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, errno) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func failure(_ path: String, _ code: Int32) -> ConfigurationError {
    switch code {
    case ENOENT, ENOTDIR: ConfigurationError(.notFound, "there is no such file", file: path)
    // The machine's fault, and not that of who named the file.
    case EMFILE, ENFILE, ENOMEM, EIO:
      ConfigurationError(.unavailable, "cannot be read now: \(SystemError.text(code))", file: path)
    default: ConfigurationError(.unreadable, "cannot be read: \(SystemError.text(code))", file: path)
    }
  }
}

enum SystemError {
  /// The system's words for an `errno`.
  static func text(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
