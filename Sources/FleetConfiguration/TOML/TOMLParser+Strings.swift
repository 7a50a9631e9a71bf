// The four kinds of strings of TOML.

extension TOMLParser {
  mutating func string() throws(TOMLError) -> String {
    let quote = bytes[offset]
    if peek(1) == quote && peek(2) == quote {
      advance(3)
      return try multilineString(quote: quote)
    }
    advance()
    return quote == UInt8(ascii: "\"") ? try basicString() : try literalString()
  }

  /// After the opening quote, up to and with the closing one.
  mutating func basicString() throws(TOMLError) -> String {
    var text: [UInt8] = []
    while true {
      guard let byte = peek, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") else {
        throw expected("\" to close the string")
      }
      switch byte {
      case UInt8(ascii: "\""):
        advance()
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: try plain(byte, into: &text)
      }
    }
  }

  mutating func literalString() throws(TOMLError) -> String {
    var text: [UInt8] = []
    while true {
      guard let byte = peek, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") else {
        throw expected("' to close the string")
      }
      if take(UInt8(ascii: "'")) { return String(decoding: text, as: UTF8.self) }
      try plain(byte, into: &text)
    }
  }

  /// After the three opening quotes; up to two quotes may stand before the three that close.
  private mutating func multilineString(quote: UInt8) throws(TOMLError) -> String {
    _ = try newline()
    var text: [UInt8] = []
    while let byte = peek {
      switch byte {
      case quote:
        var run = 1
        while run < 5, peek(run) == quote { run += 1 }
        advance(run)
        text += repeatElement(quote, count: run >= 3 ? run - 3 : run)
        if run >= 3 { return String(decoding: text, as: UTF8.self) }
      case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        _ = try newline()
        text.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "\\") where quote == UInt8(ascii: "\""):
        if try !skipLineContinuation() { try escape(into: &text) }
      default: try plain(byte, into: &text)
      }
    }
    throw expected("three quotes to close the string")
  }

  /// A backslash at a line's end swallows the blanks and line ends that follow.
  private mutating func skipLineContinuation() throws(TOMLError) -> Bool {
    var distance = 1
    while let byte = peek(distance), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { distance += 1 }
    guard let byte = peek(distance), byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else { return false }
    advance(distance)
    while let byte = peek {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
      case UInt8(ascii: "\r"), UInt8(ascii: "\n"): _ = try newline()
      default: return true
      }
    }
    return true
  }

  private mutating func plain(_ byte: UInt8, into text: inout [UInt8]) throws(TOMLError) {
    guard !Self.isControl(byte) else { throw failure("a control character in a string; write it as \\u00XX") }
    text.append(byte)
    advance()
  }

  private mutating func escape(into text: inout [UInt8]) throws(TOMLError) {
    let start = offset
    advance()
    let letter = peek
    advance()
    switch letter {
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let digits = letter == UInt8(ascii: "u") ? 4 : 8
      let hex = String(decoding: bytes[offset..<min(offset + digits, bytes.count)], as: UTF8.self)
      guard hex.utf8.count == digits, hex.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let scalar = UInt32(hex, radix: 16).flatMap(Unicode.Scalar.init)
      else {
        offset = start
        throw failure("\\\(digits == 4 ? "u" : "U") needs \(digits) hexadecimal digits of a Unicode scalar")
      }
      advance(digits)
      text += Array(String(Character(scalar)).utf8)
    default:
      offset = start
      throw failure("an unknown escape; a backslash itself is written \\\\, or put the text in single quotes")
    }
  }
}
