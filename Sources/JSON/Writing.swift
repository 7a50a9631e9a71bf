// Writing: compact or indented, keys sorted, valid UTF-8; NaN and infinities, which JSON lacks, become null.

extension JSON {
  /// The value as UTF-8 bytes; `pretty` indents by two spaces.
  public func encoded(pretty: Bool = false) -> [UInt8] {
    var out: [UInt8] = []
    append(to: &out, pretty: pretty)
    return out
  }

  public func text(pretty: Bool = false) -> String { String(decoding: encoded(pretty: pretty), as: UTF8.self) }

  /// Appends the value's bytes, for writers that build one buffer of several values.
  public func append(to out: inout [UInt8], pretty: Bool = false, depth: Int = 0) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += String(value).utf8
    case .double(let value): out += value.isFinite ? "\(value)".utf8 : "null".utf8
    case .string(let value): JSON.append(escaping: value, to: &out)
    case .array(let elements):
      JSON.append(elements, between: (UInt8(ascii: "["), UInt8(ascii: "]")), to: &out, pretty, depth) {
        $0.append(to: &$1, pretty: pretty, depth: depth + 1)
      }
    case .object(let members):
      let sorted = members.count > 1 ? members.sorted { $0.key < $1.key } : Array(members)
      JSON.append(sorted, between: (UInt8(ascii: "{"), UInt8(ascii: "}")), to: &out, pretty, depth) {
        JSON.append(escaping: $0.key, to: &$1)
        $1.append(UInt8(ascii: ":"))
        if pretty { $1.append(UInt8(ascii: " ")) }
        $0.value.append(to: &$1, pretty: pretty, depth: depth + 1)
      }
    }
  }

  private static func append<Element>(
    _ elements: [Element], between brackets: (UInt8, UInt8), to out: inout [UInt8], _ pretty: Bool, _ depth: Int,
    element: (Element, inout [UInt8]) -> Void
  ) {
    out.append(brackets.0)
    for (index, item) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      if pretty { newline(&out, depth + 1) }
      element(item, &out)
    }
    if pretty && !elements.isEmpty { newline(&out, depth) }
    out.append(brackets.1)
  }

  private static func newline(_ out: inout [UInt8], _ depth: Int) {
    out.append(UInt8(ascii: "\n"))
    for _ in 0..<(2 * depth) { out.append(UInt8(ascii: " ")) }
  }

  /// Appends a string with its quotes; only what RFC 8259 §7 demands is escaped.
  public static func append(escaping string: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    var string = string
    string.withUTF8 { bytes in
      var clean = 0
      for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
        out += bytes[clean..<index]
        clean = index + 1
        append(escape: byte, to: &out)
      }
      out += bytes[clean...]
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func append(escape byte: UInt8, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x22, 0x5C: out.append(byte)
    case 0x0A: out.append(UInt8(ascii: "n"))
    case 0x0D: out.append(UInt8(ascii: "r"))
    case 0x09: out.append(UInt8(ascii: "t"))
    default:
      let digits = Array("0123456789abcdef".utf8)
      out += "u00".utf8
      out.append(digits[Int(byte >> 4)])
      out.append(digits[Int(byte & 15)])
    }
  }
}
