// Strings, short and long, and long comments.

extension LuaLexer {
  mutating func shortString(quote: UInt8) throws(LuaSyntaxError) -> LuaToken {
    let start = offset
    var text: [UInt8] = []
    offset += 1
    while let byte = byte(), byte != quote {
      if byte == 0x0A || byte == 0x0D { break }
      offset += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
    }
    guard byte() == quote else { throw error("unfinished string near \(shown(start))", at: start) }
    offset += 1
    return LuaToken(kind: .string(text), range: start..<offset)
  }

  private func shown(_ start: Int) -> String {
    byte() == nil ? "<eof>" : "'\(source[start..<offset])'"
  }

  /// What follows a backslash.
  private mutating func escape(into text: inout [UInt8]) throws(LuaSyntaxError) {
    let start = offset - 1
    guard let byte = byte() else { return }
    offset += 1
    switch byte {
    case UInt8(ascii: "a"): text.append(0x07)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "v"): text.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): text.append(byte)
    case 0x0A, 0x0D:
      if let next = self.byte(), next != byte, next == 0x0A || next == 0x0D { offset += 1 }
      text.append(0x0A)
    case UInt8(ascii: "z"): while let byte = self.byte(), byte == 0x20 || (0x09...0x0D).contains(byte) { offset += 1 }
    case UInt8(ascii: "x"):
      guard let high = Self.hexadecimal(self.byte()), let low = Self.hexadecimal(self.byte(1)) else {
        throw error("hexadecimal digit expected after '\\x'", at: start)
      }
      offset += 2
      text.append(high << 4 | low)
    case UInt8(ascii: "u"): try unicode(start, into: &text)
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      var value = Int(byte - UInt8(ascii: "0"))
      for _ in 0..<2 {
        guard let digit = self.byte(), Self.isDigit(digit) else { break }
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
        offset += 1
      }
      guard value <= 255 else { throw error("decimal escape too large near '\(source[start..<offset])'", at: start) }
      text.append(UInt8(value))
    default: throw error("invalid escape sequence '\(source[start..<offset])'", at: start)
    }
  }

  /// `\u{XXX}`, up to 2³¹, in the original form of UTF-8 with up to six bytes.
  private mutating func unicode(_ start: Int, into text: inout [UInt8]) throws(LuaSyntaxError) {
    guard byte() == UInt8(ascii: "{") else { throw error("missing '{' in \\u{xxxx}", at: start) }
    offset += 1
    guard Self.hexadecimal(byte()) != nil else { throw error("hexadecimal digit expected in \\u{xxxx}", at: start) }
    var value: UInt32 = 0
    while let digit = Self.hexadecimal(byte()) {
      guard value <= 0x7FF_FFFF else { throw error("UTF-8 value too large", at: start) }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    guard byte() == UInt8(ascii: "}") else { throw error("missing '}' in \\u{xxxx}", at: start) }
    offset += 1
    if value < 0x80 { return text.append(UInt8(value)) }
    var tail: [UInt8] = []
    var most: UInt32 = 0x3F
    while value > most {
      tail.append(UInt8(0x80 | value & 0x3F))
      value >>= 6
      most >>= 1
    }
    text.append(UInt8(truncatingIfNeeded: ~most << 1 | value))
    text += tail.reversed()
  }

  // MARK: - Long brackets

  /// The number of `=` if a long bracket opens here, which then lies behind.
  mutating func longBracketLevel() -> Int? {
    guard byte() == UInt8(ascii: "[") else { return nil }
    var level = 0
    while byte(1 + level) == UInt8(ascii: "=") { level += 1 }
    guard byte(1 + level) == UInt8(ascii: "[") else { return nil }
    offset += level + 2
    return level
  }

  mutating func longString() throws(LuaSyntaxError) -> LuaToken? {
    let start = offset
    guard let level = longBracketLevel() else {
      if byte(1) == UInt8(ascii: "=") { throw error("invalid long string delimiter near '[='", at: start) }
      return nil
    }
    let text = try longText(level: level, start: start, what: "string")
    return LuaToken(kind: .string(text), range: start..<offset)
  }

  /// Up to the closing bracket, with each end of a line as LF and without a first one.
  mutating func longText(level: Int, start: Int, what: String) throws(LuaSyntaxError) -> [UInt8] {
    let closing = [UInt8(ascii: "]")] + repeatElement(UInt8(ascii: "="), count: level) + [UInt8(ascii: "]")]
    var text: [UInt8] = []
    let contents = offset
    while let byte = byte() {
      if byte == closing[0], source.bytes[offset...].starts(with: closing) {
        offset += closing.count
        return text
      }
      offset += 1
      guard byte == 0x0A || byte == 0x0D else {
        text.append(byte)
        continue
      }
      let isFirst = offset - 1 == contents
      if let next = self.byte(), next != byte, next == 0x0A || next == 0x0D { offset += 1 }
      if !isFirst { text.append(0x0A) }
    }
    let line = source.line(at: start)
    throw error("unfinished long \(what) (starting at line \(line)) near <eof>", at: source.bytes.count)
  }
}
