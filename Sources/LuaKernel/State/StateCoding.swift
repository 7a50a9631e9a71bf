// Lua values as bytes for the state file. Unlike JSON it keeps integers, floats, byte strings and any table keys.
import LuaRuntime

enum StateCoding {
  private static let version: UInt8 = 1

  private enum Tag {
    static let `nil`: UInt8 = 0
    static let `false`: UInt8 = 1
    static let `true`: UInt8 = 2
    static let integer: UInt8 = 3
    static let number: UInt8 = 4
    static let string: UInt8 = 5
    static let table: UInt8 = 6
  }

  /// - Throws: when something in the value is no data, naming where it is.
  static func encode(_ value: LuaValue) throws(StateError) -> [UInt8] {
    var out: [UInt8] = [version]
    try append(value, to: &out, at: "the value")
    return out
  }

  private static func append(_ value: LuaValue, to out: inout [UInt8], at place: String) throws(StateError) {
    switch value {
    case .nil: out.append(Tag.nil)
    case .boolean(let value): out.append(value ? Tag.true : Tag.false)
    case .integer(let value):
      out.append(Tag.integer)
      append(UInt64(bitPattern: value), to: &out)
    case .number(let value):
      out.append(Tag.number)
      append(value.bitPattern, to: &out)
    case .string(let bytes):
      out.append(Tag.string)
      append(UInt64(bytes.count), to: &out)
      out += bytes
    case .table(let table):
      out.append(Tag.table)
      append(UInt64(table.array.count), to: &out)
      for (index, element) in table.array.enumerated() { try append(element, to: &out, at: "\(place)[\(index + 1)]") }
      append(UInt64(table.pairs.count), to: &out)
      for pair in table.pairs {
        try append(pair.key, to: &out, at: "a key of \(place)")
        try append(pair.value, to: &out, at: pair.key.text.map { "\(place).\($0)" } ?? "\(place)[…]")
      }
    case .opaque(let what):
      throw StateError(
        description: "\(place) is a \(what), which state cannot keep; it keeps booleans, numbers, strings and tables")
    }
  }

  private static func append(_ value: UInt64, to out: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { out += $0 }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) throws(StateError) -> LuaValue {
    var reader = Reader(bytes: bytes)
    guard try reader.byte() == version else {
      throw StateError(description: "the state file holds a value of a newer Fleet; clear it or update")
    }
    return try reader.value()
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var at = 0

    mutating func byte() throws(StateError) -> UInt8 { try take(1)[0] }

    mutating func take(_ count: Int) throws(StateError) -> UnsafeRawBufferPointer {
      guard count >= 0, count <= bytes.count - at else {
        throw StateError(description: "the state file holds a damaged value; delete the key or set it anew")
      }
      defer { at += count }
      return UnsafeRawBufferPointer(rebasing: bytes[at..<(at + count)])
    }

    mutating func number() throws(StateError) -> UInt64 {
      UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self))
    }

    mutating func count() throws(StateError) -> Int { Int(truncatingIfNeeded: try number()) }

    mutating func value() throws(StateError) -> LuaValue {
      switch try byte() {
      case Tag.nil: return .nil
      case Tag.false: return .boolean(false)
      case Tag.true: return .boolean(true)
      case Tag.integer: return .integer(Int64(bitPattern: try number()))
      case Tag.number: return .number(Double(bitPattern: try number()))
      case Tag.string: return .string(Array(try take(try count())))
      case Tag.table:
        var table = LuaTable()
        for _ in 0..<max(0, try count()) { table.array.append(try value()) }
        for _ in 0..<max(0, try count()) { table.pairs.append(.init(try value(), try value())) }
        return .table(table)
      default: throw StateError(description: "the state file holds a damaged value; delete the key or set it anew")
      }
    }
  }
}
