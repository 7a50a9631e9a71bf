// How a kernel ended: what its shim recorded, and its last words.
import FleetConfiguration
import FleetEngine
import Foundation

/// The end of one launch. Every call reads files.
struct KernelEnding: Sendable {
  let id: String
  let nonce: String
  let directory: FleetDirectory

  /// Nil if the shim left no record, because it was killed.
  func recorded() -> ExitInfo? {
    do throws(SystemError) {
      guard let record = try ExitRecord.read(id: id, nonce: nonce, directory: directory.path) else { return nil }
      return withLastWords(ExitInfo(record))
    } catch {
      return ExitInfo(detail: "its exit file cannot be read: \(error)", isLost: true)
    }
  }

  /// What is known without a record.
  func lost() -> ExitInfo { withLastWords(ExitInfo(isLost: true)) }

  /// A shim that was killed left the rest of its kernel's processes behind.
  func clearRemains() throws(SystemError) {
    try KernelRemains(id: id, nonce: nonce, directory: directory.path).clear()
  }

  private func withLastWords(_ info: ExitInfo) -> ExitInfo {
    var info = info
    if info.isClean {
      info.isIdle = LastWords.read(directory.logFile(id), lines: 1)?.hasSuffix(KernelEnd.idle) ?? false
      return info
    }
    info.detail = LastWords.read(directory.logFile(id)) ?? info.detail
    return info
  }
}

/// The last lines of a log, fit to be stored and shown: a kernel may have printed anything.
enum LastWords {
  static let lines = 5
  /// Bytes that are looked at.
  private static let most = 4096

  /// Nil for an empty log, and for one that cannot be read.
  static func read(_ path: String, lines: Int = lines) -> String? {
    // A log that cannot be read has nothing to say.
    guard let lines = try? LogTail.last(lines, of: path, limit: most).lines else { return nil }
    let text = plain(lines.joined(separator: "\n")).suffix(most)
    return text.isEmpty ? nil : String(text)
  }

  /// Without control characters and the escape sequences of terminals, which would act on the reader's terminal.
  static func plain(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      if scalar == "\u{1B}", rest.first == "[" {
        rest = rest.dropFirst().drop { !("@"..."~").contains($0) }.dropFirst()
      } else if scalar.properties.generalCategory != .control || scalar == "\n" || scalar == "\t" {
        result.append(scalar)
      }
    }
    return String(result)
  }
}

extension ExitInfo {
  init(_ record: ExitRecord) {
    self.init(outOfMemory: record.isOutOfMemory, endedAt: Self.milliseconds(record.ended))
    switch record.ending {
    case .code(let code): self.code = Int(code)
    case .signal(let number): signal = Int(number)
    }
    limit = record.limit.flatMap(Limit.init(rawValue:))
  }

  private static func milliseconds(_ text: String) -> Int64? {
    // Only for people: a date that cannot be read is left out.
    let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)
    return (date ?? (try? Date.ISO8601FormatStyle().parse(text))).map { Int64($0.timeIntervalSince1970 * 1000) }
  }
}
