// The last lines of a log, read from its end, on into the rotated files where needed.

/// Reads logs that a shim writes: `path`, and older ones `path.1`, `path.2`, ….
public enum LogTail {
  /// The last lines, and where they end, so that a follower goes on without a gap.
  public struct Tail: Sendable, Hashable {
    /// Oldest first, without line ends; the last one may be unfinished.
    public var lines: [String]
    /// Nil when there is no log yet.
    public var position: LogPosition?
  }

  private static let block = 64 << 10

  /// The last `count` lines. At most about `limit` bytes are read; a log of longer lines gives fewer.
  public static func last(_ count: Int, of path: String, limit: Int = 16 << 20) throws(SystemError) -> Tail {
    let files = try open(path)
    let position = files.first.map { LogPosition(device: $0.device, inode: $0.inode, offset: $0.size) }
    var blocks: [[UInt8]] = []
    var read = 0
    var ends = 0
    for (index, file) in files.enumerated() where count > 0 {
      var end = index == 0 ? position?.offset ?? 0 : file.size
      // One more line end than lines: the one before the first of them.
      while end > 0, ends <= count, read < limit {
        let start = max(0, end - Int64(block))
        let bytes = try file.read(Int(end - start), at: start)
        ends += bytes.count { $0 == UInt8(ascii: "\n") }
        read += bytes.count
        blocks.append(bytes)
        end = start
      }
    }
    return Tail(lines: lines(Array(blocks.reversed().joined()), last: count), position: position)
  }

  /// Newest first, each file once even if it is renamed meanwhile.
  private static func open(_ path: String) throws(SystemError) -> [LogFile] {
    let names = LogNames(path: path)
    var files: [LogFile] = []
    // Two more than there are: they may move up while they are opened.
    for number in 0...(names.numbers.last ?? 0) + 2 {
      if let file = try LogFile(names[number]), !files.contains(where: file.isSame) { files.append(file) }
    }
    return files
  }

  private static func lines(_ bytes: [UInt8], last count: Int) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
  }
}
