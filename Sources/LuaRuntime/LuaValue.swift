// Plain data that crosses between Lua and Swift: always a copy, never a reference into a state.

/// A Lua value as plain data.
public enum LuaValue: Sendable, Hashable {
  case `nil`
  case boolean(Bool)
  /// A Lua number of subtype integer.
  case integer(Int64)
  /// A Lua number of subtype float.
  case number(Double)
  /// A Lua string: any bytes, not necessarily UTF-8. See `text` for Swift strings.
  case string([UInt8])
  case table(LuaTable)
  /// Something that has no plain form: a function, a userdata, a coroutine, a table already being copied (a cycle) or
  /// nested too deeply. Carries a description such as `function` or `FILE*`. Crossing back into Lua it becomes that
  /// description as a string.
  case opaque(String)
}

/// A Lua table as plain data: the values of 1…n, then every other pair.
public struct LuaTable: Sendable, Hashable {
  public struct Pair: Sendable, Hashable {
    public var key: LuaValue
    public var value: LuaValue

    public init(_ key: LuaValue, _ value: LuaValue) {
      self.key = key
      self.value = value
    }
  }

  /// The values of 1…n without a gap.
  public var array: [LuaValue]
  /// All other pairs, in the order in which Lua gave them (unspecified in a full state, sorted by key in a sandbox).
  public var pairs: [Pair]

  public init(array: [LuaValue] = [], pairs: [Pair] = []) {
    self.array = array
    self.pairs = pairs
  }

  /// The first value under a string key.
  public subscript(_ key: String) -> LuaValue? {
    let bytes = Array(key.utf8)
    return pairs.first { $0.key == .string(bytes) }?.value
  }
}

extension LuaValue {
  /// A string value of the text's UTF-8 bytes.
  public static func text(_ text: some StringProtocol) -> LuaValue { .string(Array(text.utf8)) }

  /// A sequence: a table with the values at 1…n.
  public static func sequence(_ values: [LuaValue]) -> LuaValue { .table(LuaTable(array: values)) }

  /// A record: a table with string keys. Pairs whose value is nil are left out, as Lua would.
  public static func record(_ fields: KeyValuePairs<String, LuaValue>) -> LuaValue {
    .table(LuaTable(pairs: fields.filter { $0.value != .nil }.map { LuaTable.Pair(.text($0.key), $0.value) }))
  }

  /// The text of a string, with what is not UTF-8 replaced; nil for anything that is not a string.
  public var text: String? {
    guard case .string(let bytes) = self else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// An integer, or a float that is exactly one.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int64(exactly: value)
    default: nil
    }
  }

  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  public var boolean: Bool? {
    guard case .boolean(let value) = self else { return nil }
    return value
  }

  public var table: LuaTable? {
    guard case .table(let value) = self else { return nil }
    return value
  }

  public var isNil: Bool { self == .nil }

  /// What Lua takes for true: everything but nil and false.
  public var isTruthy: Bool { self != .nil && self != .boolean(false) }

  /// Whether something in it had no plain form: a function, a userdata, a cycle, too deep a table.
  public var containsOpaque: Bool {
    switch self {
    case .opaque: true
    case .table(let table):
      table.array.contains(where: \.containsOpaque)
        || table.pairs.contains { $0.key.containsOpaque || $0.value.containsOpaque }
    default: false
    }
  }

  /// The value under a string key, if this is a table.
  public subscript(_ key: String) -> LuaValue? { table?[key] }

  /// The name of the Lua type.
  public var typeName: String {
    switch self {
    case .nil: "nil"
    case .boolean: "boolean"
    case .integer, .number: "number"
    case .string: "string"
    case .table: "table"
    case .opaque(let description): description
    }
  }
}

extension LuaValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .text(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  public init(nilLiteral: ()) { self = .nil }
}

extension LuaValue: CustomStringConvertible {
  /// As Lua would write it, for messages.
  public var description: String {
    switch self {
    case .nil: "nil"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let bytes): String(decoding: bytes, as: UTF8.self).debugDescription
    case .opaque(let description): "<\(description)>"
    case .table(let table):
      "{"
        + (table.array.map(\.description) + table.pairs.map { "\($0.keyInBraces) = \($0.value)" }).joined(
          separator: ", ")
        + "}"
    }
  }
}

extension LuaTable.Pair {
  /// A name, or anything else in brackets.
  fileprivate var keyInBraces: String {
    guard case .string(let bytes) = key, let first = bytes.first,
      !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
      bytes.allSatisfy({ byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
          true
        default: false
        }
      })
    else { return "[\(key)]" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
