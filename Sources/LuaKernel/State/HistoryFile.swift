// History that outlives the process: a file with one line of JSON for each cell, read only when somebody asks.
import Glibc
import JSON
import JupyterProtocol

/// Confined to the Lua thread. What cannot be written or read is no error of the code that was run: it is left out.
final class HistoryFile {
  private let path: String
  /// Names this session in the file.
  private let session = Timestamp.now()
  /// Made with the first cell.
  private var descriptor: Int32 = -1

  /// A file beyond so many bytes loses its older half when a session first writes; beyond twice as many it is not
  /// written any more.
  private let largest: Int

  init(path: String, largest: Int = HistoryFile.allowed) {
    self.path = path
    self.largest = largest
  }

  /// Far from the limit on the size of files (setrlimit(2)), which would end the kernel.
  static var allowed: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return 4 << 20 }
    return min(4 << 20, Int(clamping: limit.rlim_cur / 2))
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  func append(_ entry: History.Entry) {
    if descriptor < 0 {
      shorten()
      descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0 else { return }
    let line: JSON = [
      "session": .string(session), "number": JSON(entry.number), "input": .string(entry.input),
      "output": JSON(entry.output),
    ]
    let bytes = line.encoded() + [UInt8(ascii: "\n")]
    var info = stat()
    guard fstat(descriptor, &info) == 0, Int(info.st_size) + bytes.count <= largest * 2 else { return }
    HistoryFile.write(bytes, to: descriptor)
  }

  /// The entries of the sessions before this one, the oldest first.
  func earlier() -> [History.Entry] {
    var entries: [History.Entry] = []
    var number = 0
    var last: String?
    for line in (contents() ?? []).split(separator: UInt8(ascii: "\n")) {
      // A line that a crash cut short is not JSON.
      guard let document = try? JSON(parsing: line), let session = document["session"]?.string,
        session != self.session, let input = document["input"]?.string
      else { continue }
      if session != last { number += 1 }
      last = session
      entries.append(
        .init(
          session: number, number: Int(document["number"]?.int ?? 0), input: input, output: document["output"]?.string))
    }
    return entries
  }

  // MARK: File

  private func contents() -> [UInt8]? {
    let reading = open(path, O_RDONLY | O_CLOEXEC)
    guard reading >= 0 else { return nil }
    defer { close(reading) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(reading, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return count == 0 ? bytes : nil }
      bytes += chunk[..<count]
    }
  }

  /// Replaces the file by its newer half if it is too large, and ends a line that a crash cut short.
  private func shorten() {
    guard let bytes = contents(), !bytes.isEmpty else { return }
    let isCut = bytes.last != UInt8(ascii: "\n")
    guard bytes.count > largest || isCut else { return }
    var rest = bytes.suffix(largest / 2)
    if rest.count < bytes.count { rest = rest.drop { $0 != UInt8(ascii: "\n") }.dropFirst() }
    let temporary = path + ".new"
    let writing = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard writing >= 0 else { return }
    let isWritten = HistoryFile.write(Array(rest) + (isCut ? [UInt8(ascii: "\n")] : []), to: writing)
    close(writing)
    if !isWritten || rename(temporary, path) != 0 { unlink(temporary) }
  }

  @discardableResult
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
}
