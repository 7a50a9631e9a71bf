// What tells that a policy or a fixture has changed.

import Glibc

/// The files of a run as they are now. Two of them differ if a file was written, replaced, added or removed.
public struct FixtureSnapshot: Sendable, Equatable {
  private struct Stamp: Sendable, Equatable {
    let inode: UInt
    let size: Int
    let seconds: Int
    let nanoseconds: Int
  }

  private var stamps: [String: Stamp] = [:]

  public init(_ found: FixtureSearch.Found) {
    for path in found.fixtures.map(\.path) + found.fixtures.map(\.policy) + found.policies {
      var status = stat()
      guard stat(path, &status) == 0 else { continue }
      stamps[path] = Stamp(
        inode: UInt(status.st_ino), size: Int(status.st_size), seconds: status.st_mtim.tv_sec,
        nanoseconds: status.st_mtim.tv_nsec)
    }
  }
}
