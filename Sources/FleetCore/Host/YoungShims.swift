// Shims that were started and have not taken their locks yet: a host that was killed right after it started one leaves it
// in a state in which only the system's process list knows of it.

import Glibc

/// The processes of this machine that were started as shims of one fleet directory.
struct YoungShims: Sendable {
  /// The fleet directory.
  let directory: String

  /// Pids by nonce; every process of the system is looked at.
  func find() -> [String: Int32] {
    var found: [String: Int32] = [:]
    for pid in SmallFile.names(in: "/proc").compactMap({ Int32($0) }) {
      guard let bytes = commandLine(of: pid) else { continue }
      let words = bytes.split(separator: 0, omittingEmptySubsequences: false)
      // A child has its parent's command line until it executes another program: the parent is the older one.
      if value(of: "--dir", words) == directory, let nonce = value(of: "--nonce", words) {
        found[nonce] = min(pid, found[nonce] ?? pid)
      }
    }
    return found
  }

  /// Nil if the process is gone or another user's.
  private func commandLine(of pid: Int32) -> [UInt8]? {
    for _ in 0..<100 {
      guard let bytes = (try? SmallFile.read("/proc/\(pid)/cmdline", limit: 1 << 20)) ?? nil else { return nil }
      // Empty for kernel threads and zombies, which have no program; and for a moment while one begins, execve(2).
      if !bytes.isEmpty || access("/proc/\(pid)/exe", F_OK) != 0 { return bytes }
      usleep(1000)
    }
    return nil
  }

  private func value(of option: String, _ words: [ArraySlice<UInt8>]) -> String? {
    guard let place = words.firstIndex(where: { $0.elementsEqual(option.utf8) }), place + 1 < words.count else {
      return nil
    }
    return String(decoding: words[place + 1], as: UTF8.self)
  }
}
