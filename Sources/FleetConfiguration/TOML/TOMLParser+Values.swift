// Values of a TOML document, but for strings and numbers: which kind it is, arrays, inline tables.

/// An inline table stays a builder, because the one who reads it decides where it goes.
enum TOMLParsedValue {
  case content(TOMLNode.Content)
  case table(TOMLTableBuilder)

  var frozen: TOMLNode.Content {
    switch self {
    case .content(let content): content
    case .table(let table): .table(table.frozen())
    }
  }
}

extension TOMLParser {
  mutating func value(depth: Int) throws(TOMLError) -> TOMLParsedValue {
    guard depth < Self.maximumDepth else { throw failure("values nested more than \(Self.maximumDepth) deep") }
    switch peek {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .content(.string(try string()))
    case UInt8(ascii: "["): return .content(.array(try array(depth: depth)))
    case UInt8(ascii: "{"): return .table(try inlineTable(depth: depth))
    default: return .content(try scalar())
    }
  }

  private mutating func array(depth: Int) throws(TOMLError) -> [TOMLNode] {
    advance()
    var nodes: [TOMLNode] = []
    while true {
      try skipBlank(newlines: true)
      if take(UInt8(ascii: "]")) { return nodes }
      let position = position
      nodes.append(TOMLNode(try value(depth: depth + 1).frozen, at: position))
      try skipBlank(newlines: true)
      if take(UInt8(ascii: "]")) { return nodes }
      guard take(UInt8(ascii: ",")) else { throw expected("\",\" or \"]\" in the array") }
    }
  }

  private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOMLTableBuilder {
    advance()
    let table = TOMLTableBuilder(.inline)
    try skipBlank(newlines: false)
    if take(UInt8(ascii: "}")) { return table }
    while true {
      try pair(into: table, depth: depth + 1)
      try skipBlank(newlines: false)
      if take(UInt8(ascii: "}")) { return table }
      guard take(UInt8(ascii: ",")) else { throw expected("\",\" or \"}\" in the inline table") }
    }
  }

  /// A boolean, number, date or time: everything up to a blank or a delimiter.
  private mutating func scalar() throws(TOMLError) -> TOMLNode.Content {
    let start = offset
    skipWord()
    // A date and a time may be parted by a single blank.
    if offset - start == 10, peek == UInt8(ascii: " "), let digit = peek(1), digit >= 0x30, digit <= 0x39,
      TOMLScalar.isDate(bytes[start..<offset])
    {
      advance()
      skipWord()
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    guard !text.isEmpty else { throw expected("a value") }
    guard let content = TOMLScalar.content(of: text) else {
      offset = start  // so that the error points at the word's beginning
      throw failure("\"\(text)\" is no value; a text stands in quotes")
    }
    return content
  }

  private mutating func skipWord() {
    while let byte = peek,
      Self.isBare(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ":")
    {
      advance()
    }
  }
}
