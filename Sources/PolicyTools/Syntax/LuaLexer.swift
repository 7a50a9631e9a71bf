// From bytes to tokens, as llex.c of Lua 5.4 has it.

struct LuaLexer {
  let source: SourceText
  var offset = 0

  private static let keywords: [String: LuaKeyword] = Dictionary(
    uniqueKeysWithValues: LuaKeyword.allCases.map { ($0.rawValue, $0) })

  init(_ source: SourceText) { self.source = source }

  /// The byte so many further on; nil behind the end.
  func byte(_ ahead: Int = 0) -> UInt8? {
    offset + ahead < source.bytes.count ? source.bytes[offset + ahead] : nil
  }

  mutating func next() throws(LuaSyntaxError) -> LuaToken {
    try skipSpace()
    let start = offset
    guard let byte = byte() else { return LuaToken(kind: .end, range: start..<start) }
    if Self.isLetter(byte) { return word() }
    if Self.isDigit(byte) || byte == UInt8(ascii: "."), Self.isDigit(self.byte(1) ?? 0) || byte != UInt8(ascii: ".") {
      return try number()
    }
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return try shortString(quote: byte) }
    if byte == UInt8(ascii: "["), let string = try longString() { return string }
    for (symbol, bytes) in LuaSymbol.byFirstByte[byte] ?? []
    where source.bytes[start...].starts(with: bytes) {
      offset += bytes.count
      return LuaToken(kind: .symbol(symbol), range: start..<offset)
    }
    throw error("unexpected symbol near \(Self.shown(byte))", at: start)
  }

  func error(_ message: String, at offset: Int) -> LuaSyntaxError {
    LuaSyntaxError(message, at: min(offset, source.bytes.count), in: source)
  }

  private mutating func word() -> LuaToken {
    let start = offset
    while let byte = byte(), Self.isLetter(byte) || Self.isDigit(byte) { offset += 1 }
    let range = start..<offset
    if let keyword = Self.keywords[source[range]] { return LuaToken(kind: .keyword(keyword), range: range) }
    return LuaToken(kind: .name, range: range)
  }

  private mutating func skipSpace() throws(LuaSyntaxError) {
    while let byte = byte() {
      switch byte {
      case UInt8(ascii: " "), 0x09...0x0D: offset += 1
      case UInt8(ascii: "-") where self.byte(1) == UInt8(ascii: "-"):
        let start = offset
        offset += 2
        if let level = longBracketLevel() {
          _ = try longText(level: level, start: start, what: "comment")
        } else {
          while let byte = self.byte(), byte != 0x0A, byte != 0x0D { offset += 1 }
        }
      default: return
      }
    }
  }

  static func isLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    default: false
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  /// The value of a hexadecimal digit.
  static func hexadecimal(_ byte: UInt8?) -> UInt8? {
    guard let byte else { return nil }
    return switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// A byte that begins nothing, for people.
  private static func shown(_ byte: UInt8) -> String {
    if byte >= 0x20, byte < 0x7F { return "'\(Character(Unicode.Scalar(byte)))'" }
    return "'<\\\(byte)>'"
  }
}
