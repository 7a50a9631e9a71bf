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

  /// The pid of the last host if it did not release the lock: it was killed, or crashed.
  let fallen: Int32?

  /// What stands in place of a pid when nobody has the lock: no number, which somebody might send a signal to.
  private static let released = "ended\n"

  /// - Throws: `AlreadyRunning`, or `StorageError` when the file cannot be made or written.
  init(path: String, directory: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw StorageError("cannot open \(path): \(KernelFiles.errorText())") }
    do {
      try Self.take(descriptor, path, directory)
      fallen = Self.signature(descriptor)
      guard Self.write("\(getpid())\n", descriptor) else {
        throw StorageError("cannot write \(path): \(KernelFiles.errorText())")
      }
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
      guard descriptor >= 0 else { return }
      // What cannot be written lets the next host believe that this one was killed.
      _ = Self.write(Self.released, descriptor)
      // Not by closing alone: a process that is just being started shares the lock until it closes its copy.
      flock(descriptor, LOCK_UN)
      close(descriptor)
      descriptor = -1
    }
  }

  /// Written before it is cut to length: so a full disk that had room for the last host's pid has room for ours.
  private static func write(_ line: String, _ descriptor: Int32) -> Bool {
    let line = Array(line.utf8)
    return pwrite(descriptor, line, line.count, 0) == line.count && ftruncate(descriptor, off_t(line.count)) == 0
  }

  /// A host that was killed may leave its lock, for a moment, to a process that it was just starting; and a host that has
  /// just taken it may not have written its pid yet.
  private static func take(_ descriptor: Int32, _ path: String, _ directory: String) throws {
    for attempt in 1...100 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw StorageError("cannot lock \(path): \(KernelFiles.errorText())")
      }
      let pid = signature(descriptor).flatMap { lives($0) ? $0 : nil }
      if pid != nil || attempt == 100 { throw AlreadyRunning(pid: pid, directory: directory) }
      usleep(2000)
    }
  }

  private static func lives(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

  /// The pid in the file.
  private static func signature(_ descriptor: Int32) -> Int32? {
    var text = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &text, text.count, 0)
    let line = String(decoding: text.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    return Int32(line).flatMap { $0 > 0 ? $0 : nil }
  }
}
