// A reader of TOML 1.0 that knows the line and column of every key. (toml++ behind TOMLKit tells no positions,
// never frees a document, and brings Foundation into the kernel's start.)

/// A TOML document.
public enum TOML {
  /// Reads a whole document.
  public static func parse(_ text: String) throws(TOMLError) -> TOMLTable {
    var parser = TOMLParser(text)
    return try parser.document()
  }
}

/// The cursor, and the structure of a document: sections and `key = value` lines.
struct TOMLParser {
  let bytes: [UInt8]
  var offset = 0
  private var line = 1
  private var lineStart = 0

  /// Nesting of arrays and inline tables, and parts of one key: enough for people, too little to exhaust a stack.
  static let maximumDepth = 64

  init(_ text: String) {
    bytes = Array(text.utf8)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      offset = 3
      lineStart = 3
    }
  }

  mutating func document() throws(TOMLError) -> TOMLTable {
    let root = TOMLTableBuilder(.header)
    var section = root
    while true {
      try skipBlank(newlines: true)
      guard let byte = peek else { return root.frozen() }
      if byte == UInt8(ascii: "[") {
        section = try header(in: root)
      } else {
        try pair(into: section, depth: 0)
      }
      try endOfLine()
    }
  }

  private mutating func header(in root: TOMLTableBuilder) throws(TOMLError) -> TOMLTableBuilder {
    let array = bytes[offset...].starts(with: [UInt8(ascii: "["), UInt8(ascii: "[")])
    advance(array ? 2 : 1)
    try skipBlank(newlines: false)
    let path = try key()
    for _ in 0..<(array ? 2 : 1) {
      guard take(UInt8(ascii: "]")) else {
        throw expected(array ? "\"]]\" to close the header" : "\"]\" to close the header")
      }
    }
    let parent = try root.descend(header: path.dropLast())
    return array ? try parent.open(element: path[path.count - 1]) : try parent.open(header: path[path.count - 1])
  }

  /// `key = value`, in a section or in an inline table.
  mutating func pair(into table: TOMLTableBuilder, depth: Int) throws(TOMLError) {
    let path = try key()
    let last = path[path.count - 1]
    guard take(UInt8(ascii: "=")) else { throw expected("\"=\" after the key \"\(last.name)\"") }
    try skipBlank(newlines: false)
    let target = try table.descend(dotted: path.dropLast())
    guard target[last.name] == nil else { throw target.duplicate(last) }
    let value = try value(depth: depth)
    switch value {
    case .table(let inline): target.set(last.name, .table(inline), at: last.position)
    case .content(let content): target.set(last.name, .value(content), at: last.position)
    }
  }

  /// A key of one or more parts, with the blanks after it.
  private mutating func key() throws(TOMLError) -> [TOMLKeyPart] {
    var parts: [TOMLKeyPart] = []
    repeat {
      try skipBlank(newlines: false)
      let position = position
      parts.append(TOMLKeyPart(name: try keyPart(), position: position))
      guard parts.count <= Self.maximumDepth else { throw failure("a key of more than \(Self.maximumDepth) parts") }
      try skipBlank(newlines: false)
    } while take(UInt8(ascii: "."))
    return parts
  }

  private mutating func keyPart() throws(TOMLError) -> String {
    switch peek {
    case UInt8(ascii: "\""):
      advance()
      return try basicString()
    case UInt8(ascii: "'"):
      advance()
      return try literalString()
    default:
      let start = offset
      while let byte = peek, Self.isBare(byte) { advance() }
      guard offset > start else { throw expected("a key") }
      return String(decoding: bytes[start..<offset], as: UTF8.self)
    }
  }

  private mutating func endOfLine() throws(TOMLError) {
    try skipBlank(newlines: false)
    if peek == nil { return }
    guard try newline() else { throw expected("the end of the line") }
  }
}

// The cursor.
extension TOMLParser {
  var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  func peek(_ distance: Int) -> UInt8? { offset + distance < bytes.count ? bytes[offset + distance] : nil }

  /// Never over a line's end: that is `newline`'s.
  mutating func advance(_ count: Int = 1) { offset += count }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    advance()
    return true
  }

  /// Takes a line's end, if there is one here.
  mutating func newline() throws(TOMLError) -> Bool {
    if peek == UInt8(ascii: "\r") {
      guard peek(1) == UInt8(ascii: "\n") else { throw failure("a carriage return that ends no line") }
      advance()
    }
    guard take(UInt8(ascii: "\n")) else { return false }
    line += 1
    lineStart = offset
    return true
  }

  /// Skips blanks and comments, and line ends too where they mean nothing.
  mutating func skipBlank(newlines: Bool) throws(TOMLError) {
    while let byte = peek {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
      case UInt8(ascii: "#"): try skipComment()
      case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        guard newlines else { return }
        _ = try newline()
      default: return
      }
    }
  }

  private mutating func skipComment() throws(TOMLError) {
    while let byte = peek, byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { return }
      guard !Self.isControl(byte) else { throw failure("a control character in a comment") }
      advance()
    }
  }

  var position: SourcePosition {
    let text = String(decoding: bytes[lineStart..<min(offset, bytes.count)], as: UTF8.self)
    return SourcePosition(line: line, column: text.unicodeScalars.count + 1)
  }

  func failure(_ message: String) -> TOMLError { TOMLError(message: message, position: position) }

  func expected(_ what: String) -> TOMLError { failure("expected \(what), found \(here)") }

  /// What stands at the cursor, for messages.
  private var here: String {
    guard let byte = peek else { return "the end of the file" }
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return "the end of the line" }
    guard
      let scalar = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
    else { return "nothing" }
    return Self.isControl(byte) ? "a control character" : "\"\(scalar)\""
  }

  static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Control characters that TOML admits nowhere; the tab is not one of them.
  static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }
}
