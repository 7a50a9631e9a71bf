// What is kept of policies from one host to the next: the last good text, and their memory.

import Glibc

/// A directory of the host's own, with two files for each policy.
public struct PolicyStore: Sendable {
  private let directory: String

  /// - Parameter directory: made when something is kept; only its owner may read it.
  public init(directory: String) { self.directory = directory }

  enum Kind: String { case text = "lua", memory }

  /// - Returns: nil if nothing was kept, or if it cannot be read.
  func read(_ kind: Kind, of key: String) -> [UInt8]? {
    // More than a policy's memory can be: its maps may take 64 MiB, its tables 96.
    try? readFile(file(kind, key), largest: 192 << 20)
  }

  /// Replaces the file atomically; what was there stays if that fails.
  func write(_ kind: Kind, of key: String, _ bytes: [UInt8]) throws(PolicyError) {
    mkdir(directory, 0o700)
    let path = file(kind, key)
    let descriptor = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Self.failure(path, errno) }
    let isWritten = Self.write(bytes, to: descriptor) && fsync(descriptor) == 0
    let code = errno
    close(descriptor)
    guard isWritten else { throw Self.failure(path, code) }
    guard rename(path + ".new", path) == 0 else { throw Self.failure(path, errno) }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func file(_ kind: Kind, _ key: String) -> String { "\(directory)/\(key).\(kind.rawValue)" }

  private static func failure(_ path: String, _ code: Int32) -> PolicyError {
    PolicyError("\(path) cannot be written: \(String(cString: strerror(code)))")
  }
}
