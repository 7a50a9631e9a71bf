// Numerals (reference manual, §3.1): decimal and hexadecimal, integer and floating point.

import Glibc

extension LuaLexer {
  mutating func number() throws(LuaSyntaxError) -> LuaToken {
    let start = offset
    var exponent: [UInt8] = [UInt8(ascii: "e"), UInt8(ascii: "E")]
    if byte() == UInt8(ascii: "0"), byte(1) == UInt8(ascii: "x") || byte(1) == UInt8(ascii: "X") {
      exponent = [UInt8(ascii: "p"), UInt8(ascii: "P")]
      offset += 2
    }
    while let byte = byte() {
      if exponent.contains(byte) {
        offset += 1
        if self.byte() == UInt8(ascii: "-") || self.byte() == UInt8(ascii: "+") { offset += 1 }
      } else if Self.hexadecimal(byte) != nil || byte == UInt8(ascii: ".") {
        offset += 1
      } else {
        break
      }
    }
    // A letter right behind a numeral belongs to it, and spoils it.
    if let byte = byte(), Self.isLetter(byte) { offset += 1 }
    let range = start..<offset
    guard let kind = LuaNumeral(source.bytes[range]).kind else {
      throw error("malformed number near '\(source[range])'", at: start)
    }
    return LuaToken(kind: kind, range: range)
  }
}

/// The value of a numeral.
struct LuaNumeral {
  private var rest: ArraySlice<UInt8>
  private let text: ArraySlice<UInt8>

  init(_ text: ArraySlice<UInt8>) {
    self.text = text
    rest = text
  }

  /// Nil if it is malformed.
  var kind: LuaToken.Kind? {
    var reader = self
    return reader.read()
  }

  private mutating func read() -> LuaToken.Kind? {
    let isHexadecimal = text.count > 1 && text.first == UInt8(ascii: "0") && text.dropFirst().first! | 0x20 == 0x78
    if isHexadecimal { rest = rest.dropFirst(2) }
    let whole = digits(isHexadecimal)
    if rest.isEmpty { return whole.isEmpty ? nil : integer(whole, isHexadecimal) }
    var fraction: ArraySlice<UInt8> = []
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      fraction = digits(isHexadecimal)
    }
    if whole.isEmpty && fraction.isEmpty { return nil }
    if let mark = rest.first, mark | 0x20 == (isHexadecimal ? UInt8(ascii: "p") : UInt8(ascii: "e")) {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
      if digits(false).isEmpty { return nil }
    }
    guard rest.isEmpty else { return nil }
    return float()
  }

  private mutating func digits(_ isHexadecimal: Bool) -> ArraySlice<UInt8> {
    let found = rest.prefix { isHexadecimal ? LuaLexer.hexadecimal($0) != nil : LuaLexer.isDigit($0) }
    rest = rest.dropFirst(found.count)
    return found
  }

  /// Hexadecimal integers wrap around; decimal ones that do not fit are floats.
  private func integer(_ digits: ArraySlice<UInt8>, _ isHexadecimal: Bool) -> LuaToken.Kind? {
    if isHexadecimal {
      let value = digits.reduce(UInt64(0)) { $0 << 4 | UInt64(LuaLexer.hexadecimal($1) ?? 0) }
      return .integer(Int64(bitPattern: value))
    }
    if let value = Int64(String(decoding: digits, as: UTF8.self)) { return .integer(value) }
    return float()
  }

  private func float() -> LuaToken.Kind {
    .float(strtod(String(decoding: text, as: UTF8.self), nil))
  }
}
