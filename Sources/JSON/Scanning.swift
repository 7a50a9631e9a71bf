// Checks JSON (RFC 8259) without building anything: the bytes that are passed on must be what they are said to be.

struct JSONScanner {
  private var at = 0
  /// What closes the brackets that are open, the outermost first.
  private var open: [UInt8] = []

  /// Reads a text that is one object.
  mutating func object(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) -> [JSONSlices.Member] {
    var members: [JSONSlices.Member] = []
    skipSpace(text)
    try expect(UInt8(ascii: "{"), text)
    skipSpace(text)
    if next(text) == UInt8(ascii: "}") {
      at += 1
    } else {
      members.reserveCapacity(8)
      repeat {
        skipSpace(text)
        let start = at + 1
        try string(text)
        let name = start..<(at - 1)
        try colon(text)
        let valueStart = at
        try value(text)
        members.append(.init(name: name, value: valueStart..<at))
        skipSpace(text)
      } while take(UInt8(ascii: ","), text)
      try expect(UInt8(ascii: "}"), text)
    }
    skipSpace(text)
    if at < text.count { throw problem("end of text expected", text) }
    return members
  }

  /// One value with all that is in it; a loop, because the threads that read JSON have small stacks.
  private mutating func value(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    let floor = open.count
    while true {
      if try begin(text) { continue }
      // Something is complete, or a bracket is empty: now close all that ends here.
      while true {
        if open.count == floor { return }
        skipSpace(text)
        if let bracket = open.last, take(bracket, text) {
          open.removeLast()
        } else if take(UInt8(ascii: ","), text) {
          skipSpace(text)
          if open.last == UInt8(ascii: "}") { try key(text) }
          break
        } else {
          throw problem("a comma or a closing bracket expected", text)
        }
      }
    }
  }

  /// Reads a scalar, or opens a bracket.
  /// - Returns: whether another value must follow at once: the first one in a bracket that is not empty.
  private mutating func begin(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) -> Bool {
    switch next(text) {
    case UInt8(ascii: "{"):
      try push(UInt8(ascii: "}"), text)
      if next(text) == UInt8(ascii: "}") { return false }
      try key(text)
      return true
    case UInt8(ascii: "["):
      try push(UInt8(ascii: "]"), text)
      return next(text) != UInt8(ascii: "]")
    case UInt8(ascii: "\""): try string(text)
    case UInt8(ascii: "t"): try word("true", text)
    case UInt8(ascii: "f"): try word("false", text)
    case UInt8(ascii: "n"): try word("null", text)
    default: try number(text)
    }
    return false
  }

  private mutating func push(_ bracket: UInt8, _ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    // One more level is the object itself.
    guard open.count + 1 < JSON.deepest else { throw problem("too deeply nested", text) }
    at += 1
    open.append(bracket)
    skipSpace(text)
  }

  private mutating func key(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    try string(text)
    try colon(text)
  }

  private mutating func colon(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    skipSpace(text)
    try expect(UInt8(ascii: ":"), text)
    skipSpace(text)
  }

  // MARK: Scalars

  private mutating func string(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    try expect(UInt8(ascii: "\""), text)
    while at < text.count {
      let byte = text[at]
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return
      case UInt8(ascii: "\\"): try escape(text)
      case 0x20...0x7F: at += 1
      case 0...0x1F: throw problem("a control character in a string", text)
      default:
        let length = Self.scalarLength(text, at)
        if length == 0 { throw problem("invalid UTF-8", text) }
        at += length
      }
    }
    throw problem("a string without an end", text)
  }

  private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    at += 1
    switch next(text) {
    case UInt8(ascii: "u"):
      guard at + 4 < text.count, text[(at + 1)...(at + 4)].allSatisfy(Self.isHexadecimal) else {
        throw problem("an invalid escape in a string", text)
      }
      at += 5
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      at += 1
    default: throw problem("an invalid escape in a string", text)
    }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }

  /// How many bytes the UTF-8 sequence at `at` has, whose first byte is not ASCII; 0 if it is none (RFC 3629).
  private static func scalarLength(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
    func isMore(_ offset: Int) -> Bool { at + offset < text.count && text[at + offset] & 0xC0 == 0x80 }
    let second = at + 1 < text.count ? text[at + 1] : 0
    switch text[at] {
    case 0xC2...0xDF: return isMore(1) ? 2 : 0
    case 0xE0: return (0xA0...0xBF).contains(second) && isMore(2) ? 3 : 0
    // The surrogates have no place in UTF-8.
    case 0xED: return (0x80...0x9F).contains(second) && isMore(2) ? 3 : 0
    case 0xE1...0xEF: return isMore(1) && isMore(2) ? 3 : 0
    case 0xF0: return (0x90...0xBF).contains(second) && isMore(2) && isMore(3) ? 4 : 0
    case 0xF1...0xF3: return isMore(1) && isMore(2) && isMore(3) ? 4 : 0
    case 0xF4: return (0x80...0x8F).contains(second) && isMore(2) && isMore(3) ? 4 : 0
    default: return 0
    }
  }

  private mutating func number(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    _ = take(UInt8(ascii: "-"), text)
    if !take(UInt8(ascii: "0"), text) { try digits(text) }
    if take(UInt8(ascii: "."), text) { try digits(text) }
    if take(UInt8(ascii: "e"), text) || take(UInt8(ascii: "E"), text) {
      if !take(UInt8(ascii: "+"), text) { _ = take(UInt8(ascii: "-"), text) }
      try digits(text)
    }
  }

  private mutating func digits(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    guard let first = next(text), Self.isDigit(first) else { throw problem("a value expected", text) }
    while let digit = next(text), Self.isDigit(digit) { at += 1 }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func word(_ word: StaticString, _ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    let end = at + word.utf8CodeUnitCount
    guard end <= text.count,
      text[at..<end].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    else { throw problem("a value expected", text) }
    at = end
  }

  // MARK: Bytes

  private func next(_ text: UnsafeBufferPointer<UInt8>) -> UInt8? { at < text.count ? text[at] : nil }

  private mutating func take(_ byte: UInt8, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ byte: UInt8, _ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    guard take(byte, text) else { throw problem("'\(Character(Unicode.Scalar(byte)))' expected", text) }
  }

  private mutating func skipSpace(_ text: UnsafeBufferPointer<UInt8>) {
    while at < text.count, text[at] == 0x20 || text[at] == 0x0A || text[at] == 0x0D || text[at] == 0x09 { at += 1 }
  }

  private func problem(_ message: String, _ text: UnsafeBufferPointer<UInt8>) -> JSONError {
    let before = text[..<min(at, text.count)]
    let line = before.count { $0 == 0x0A } + 1
    let column = before.count - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0) + 1
    return JSONError(message: message, line: line, column: column)
  }
}
