// Which directory a path led to: a fleet directory that was moved away or replaced is not written to.

import Glibc

/// Device and inode of a directory.
public struct DirectoryIdentity: Sendable, Hashable {
  public let device: UInt64
  public let inode: UInt64

  /// Of the directory that the path leads to now. Fails with ENOTDIR when it is none.
  public init(of path: String) throws(SystemError) {
    var info = stat()
    guard stat(path, &info) == 0 else { throw SystemError("look at \(path)", code: errno) }
    guard info.st_mode & S_IFMT == S_IFDIR else { throw SystemError("look at \(path)", code: ENOTDIR) }
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }
}
