// A text and the lines in it: where an offset is, for people.

/// A place in a text.
public struct SourcePosition: Sendable, Hashable, Comparable {
  /// Bytes of UTF-8 before it.
  public let offset: Int
  /// From 1.
  public let line: Int
  /// From 1, in characters (Unicode scalars), as editors count.
  public let column: Int

  public init(offset: Int, line: Int, column: Int) {
    self.offset = offset
    self.line = line
    self.column = column
  }

  public static func < (one: Self, other: Self) -> Bool { one.offset < other.offset }
}

/// The bytes of a Lua source and its lines, which end as Lua has it: with LF, CR, CR LF or LF CR.
public struct SourceText: Sendable, Hashable {
  /// What positions in messages begin with.
  public let name: String
  public let bytes: [UInt8]
  private let lineStarts: [Int]

  public init(_ bytes: [UInt8], name: String) {
    self.name = name
    self.bytes = bytes
    var starts = [0]
    var offset = 0
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      guard byte == 0x0A || byte == 0x0D else { continue }
      if offset < bytes.count, bytes[offset] != byte, bytes[offset] == 0x0A || bytes[offset] == 0x0D { offset += 1 }
      starts.append(offset)
    }
    lineStarts = starts
  }

  public init(_ text: String, name: String) { self.init(Array(text.utf8), name: name) }

  public var lineCount: Int { lineStarts.count }

  /// From 1.
  public func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  public func position(at offset: Int) -> SourcePosition {
    let line = line(at: offset)
    let characters = bytes[lineStarts[line - 1]..<offset].count { $0 & 0xC0 != 0x80 }
    return SourcePosition(offset: offset, line: line, column: characters + 1)
  }

  /// `least_loaded.lua:3:7`.
  public func place(_ offset: Int) -> String {
    let position = position(at: offset)
    return "\(name):\(position.line):\(position.column)"
  }

  public subscript(range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// A line without its end; empty if there is no such line.
  public func text(ofLine line: Int) -> String {
    guard line >= 1, line <= lineStarts.count else { return "" }
    let end = line < lineStarts.count ? lineStarts[line] : bytes.count
    let bytes = bytes[lineStarts[line - 1]..<end]
    return String(decoding: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
  }
}

/// Why a text is not Lua.
public struct LuaSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  public let file: String
  public let position: SourcePosition
  /// Such as `'then' expected near 'x'`.
  public let message: String

  public init(_ message: String, at offset: Int, in source: SourceText) {
    self.message = message
    file = source.name
    position = source.position(at: offset)
  }

  /// `least_loaded.lua:3:7: 'then' expected near 'x'`.
  public var description: String { "\(file):\(position.line):\(position.column): \(message)" }
}
