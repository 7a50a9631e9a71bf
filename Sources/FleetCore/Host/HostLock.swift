// One host per fleet directory: flock(2) on fleet.pid, taken before the database is opened or the socket bound.
import Glibc
import Synchronization

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
  /// Negative when released.
  private let descriptor: Mutex<Int32>

  /// - Throws: `AlreadyRunning`, or `StorageError` when the file cannot be made or written.
  init(path: String, directory: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw StorageError("cannot open \(path): \(KernelFiles.errorText())") }
    do {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        if errno == EWOULDBLOCK { throw AlreadyRunning(pid: Self.holder(descriptor), directory: directory) }
        throw StorageError("cannot lock \(path): \(KernelFiles.errorText())")
      }
      try Self.sign(descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = Mutex(descriptor)
  }

  deinit { release() }

  /// Lets another host take the directory.
  func release() {
    descriptor.withLock { descriptor in
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
    }
  }

  /// Written before it is cut to length: so a full disk that had room for the last host's pid has room for ours.
  private static func sign(_ descriptor: Int32, _ path: String) throws(StorageError) {
    let line = Array("\(getpid())\n".utf8)
    guard pwrite(descriptor, line, line.count, 0) == line.count, ftruncate(descriptor, off_t(line.count)) == 0 else {
      throw StorageError("cannot write \(path): \(KernelFiles.errorText())")
    }
  }

  /// Who has the lock; a host that has just taken it may not have written its pid yet.
  private static func holder(_ descriptor: Int32) -> Int32? {
    for _ in 0..<50 {
      var text = [UInt8](repeating: 0, count: 32)
      let count = pread(descriptor, &text, text.count, 0)
      let line = String(decoding: text.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      // The pid of an earlier host is nobody's by now.
      if let pid = Int32(line), kill(pid, 0) == 0 || errno == EPERM { return pid }
      usleep(2000)
    }
    return nil
  }
}
