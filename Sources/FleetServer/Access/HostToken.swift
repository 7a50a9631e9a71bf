// The host's own token: a file that only its user can read, made on first need and kept.
import FleetConfiguration
import Glibc
import JupyterProtocol

/// `fleet.token` of a fleet directory: one line.
public struct HostToken: Sendable {
  public let path: String

  public init(directory: FleetDirectory) { path = directory.token }

  /// The token in the file; nil if there is none yet.
  /// - Throws: `insecure` if others can read it, `badValue` if it holds no token.
  public func read() throws(ConfigurationError) -> String? {
    guard let text = try PrivateFile.read(path) else { return nil }
    let token = text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
    guard token.utf8.count >= 16, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw ConfigurationError(
        .badValue, "holds no token of at least 16 characters; remove it, and the host makes another", file: path)
    }
    return String(token)
  }

  /// The token, which is made if there is none.
  public func readOrMake() throws(ConfigurationError) -> String {
    if let token = try read() { return token }
    let token = UniqueID.key()
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be made") }
    defer { close(descriptor) }
    let line = Array("\(token)\n".utf8)
    guard write(descriptor, line, line.count) == line.count, fsync(descriptor) == 0 else {
      let error = failure("cannot be written")
      unlink(path)
      throw error
    }
    return token
  }

  private func failure(_ what: String) -> ConfigurationError {
    ConfigurationError(.unreadable, "\(what): \(String(cString: strerror(errno)))", file: path)
  }
}

/// Files with secrets, which nobody but their owner may read.
enum PrivateFile {
  /// nil if there is no such file.
  static func read(_ path: String) throws(ConfigurationError) -> String? {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw ConfigurationError(.unreadable, "cannot be looked at: \(String(cString: strerror(errno)))", file: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ConfigurationError(.insecure, "is no regular file; it holds tokens and must be one", file: path)
    }
    guard status.st_mode & 0o077 == 0 else {
      throw ConfigurationError(.insecure, "can be read by other users; chmod 600 it", file: path)
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw ConfigurationError(.insecure, "belongs to another user; the host's user must own it", file: path)
    }
    return try TextFile.read(path)
  }
}
