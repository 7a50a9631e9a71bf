// One file of a log, held open: it stays the same file however often it is renamed.

import CFleetSystem
import Glibc

/// Where a reader stands in a log: the file, and how much of it was read.
public struct LogPosition: Sendable, Hashable {
  var device: UInt64
  var inode: UInt64
  var offset: Int64
}

final class LogFile: Sendable {
  let descriptor: Int32
  let device: UInt64
  let inode: UInt64

  /// Nil when there is no such file.
  init?(_ path: String) throws(SystemError) {
    let descriptor = fleet_open_record(path)
    var info = stat()
    guard descriptor >= 0, fstat(descriptor, &info) == 0 else {
      let code = descriptor < 0 ? -descriptor : errno
      if descriptor >= 0 { close(descriptor) }
      if code == ENOENT { return nil }
      throw SystemError("open \(path)", code: code)
    }
    self.descriptor = descriptor
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }

  deinit { close(descriptor) }

  /// Bytes.
  var size: Int64 {
    var info = stat()
    return fstat(descriptor, &info) == 0 ? Int64(info.st_size) : 0
  }

  /// Up to `count` bytes from `offset` on; empty at the end.
  func read(_ count: Int, at offset: Int64) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    while true {
      let got = pread(descriptor, &bytes, count, off_t(offset))
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw SystemError("read a log", code: errno) }
      bytes.removeLast(count - got)
      return bytes
    }
  }

  func isSame(as other: LogFile) -> Bool { inode == other.inode && device == other.device }

  /// Whether a path leads to this file now.
  func isNamed(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && UInt64(info.st_ino) == inode && UInt64(info.st_dev) == device
  }
}

/// The names of a log and its older files. While a writer moves them up by one, a single number may be missing.
struct LogNames: Sendable {
  let path: String

  subscript(number: Int) -> String { number == 0 ? path : "\(path).\(number)" }

  func exists(_ number: Int) -> Bool { access(self[number], F_OK) == 0 }

  /// Every number that there is, from the newest file (0) on.
  var numbers: [Int] {
    var found: [Int] = []
    var number = 0
    while number - (found.last ?? -1) <= 2 {
      if exists(number) { found.append(number) }
      number += 1
    }
    return found
  }
}
