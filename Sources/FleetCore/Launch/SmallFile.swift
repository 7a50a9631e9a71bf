// Small files read in one piece: records of a shim, and what /proc says.

import CFleetSystem
import Glibc

enum SmallFile {
  /// The content of a file of the system, nil if there is no such file (or process).
  static func read(_ path: String, limit: Int = 64 << 10) throws(SystemError) -> [UInt8]? {
    try read(path, limit, fleet_read_file)
  }

  /// The content of a file that somebody may have replaced: a link, a pipe or a directory is an error, and what is longer
  /// than `limit` too.
  static func record(_ path: String, limit: Int = 64 << 10) throws(SystemError) -> [UInt8]? {
    let bytes = try read(path, limit + 1, fleet_read_record)
    if let bytes, bytes.count > limit { throw SystemError("read \(path), which is too large", code: EFBIG) }
    return bytes
  }

  private static func read(
    _ path: String, _ limit: Int, _ call: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) throws(SystemError) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = bytes.withUnsafeMutableBytes { call(path, $0.baseAddress, $0.count) }
      if count == -Int(ENOENT) || count == -Int(ESRCH) { return nil }
      guard count >= 0 else { throw SystemError("read \(path)", code: Int32(-count)) }
      if count < bytes.count || bytes.count >= limit {
        bytes.removeLast(bytes.count - count)
        return bytes
      }
      bytes = [UInt8](repeating: 0, count: bytes.count * 4)
    }
  }

  /// The same as text; nil also when it cannot be read, for files whose absence says as much as their refusal.
  static func text(_ path: String, limit: Int = 1 << 20) -> String? {
    // A file that may not be read offers as little as one that is not there.
    guard let bytes = try? read(path, limit: limit) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func write(_ path: String, _ text: String) throws(SystemError) {
    var text = text
    let result = text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { fleet_write_file(path, $0.baseAddress, $0.count) }
    }
    guard result == 0 else { throw SystemError("write \(path)", code: -result) }
  }

  /// The names in a directory, in the system's order; none if it cannot be read.
  static func names(in path: String, where isWanted: (UnsafePointer<dirent>) -> Bool = { _ in true }) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      guard isWanted(entry) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
