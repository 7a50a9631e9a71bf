// One host per fleet directory: flock(2) on fleet.pid, taken before the database is opened or the socket bound.
import Foundation

/// Another host has the directory.
public struct AlreadyRunning: Error, Sendable, CustomStringConvertible {
  /// Nil if its pid could not be read.
  public let pid: Int32?
  public let directory: String

  public var description: String {
    "a host already runs in \(directory)" + (pid.map { " (pid \($0))" } ?? "") + "; use it, or stop it with fleet down"
  }
}

final class HostLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `AlreadyRunning`, or `StorageError` when the file cannot be made.
  init(path: String, directory: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError("cannot open \(path): \(KernelFiles.errorText())") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      var text = [UInt8](repeating: 0, count: 32)
      let count = pread(descriptor, &text, text.count, 0)
      close(descriptor)
      let digits = String(decoding: text.prefix(max(0, count)), as: UTF8.self)
      throw AlreadyRunning(
        pid: Int32(digits.trimmingCharacters(in: .whitespacesAndNewlines)), directory: directory)
    }
    let line = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, line, line.count, 0) == line.count else {
      close(descriptor)
      throw StorageError("cannot write \(path): \(KernelFiles.errorText())")
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
