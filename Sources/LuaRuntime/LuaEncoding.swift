// Values as the bytes that C pushes: the counterpart of CLua's codec.c.

import CLua

/// A sequence of encoded values. It can be filled without making a `LuaValue` of each.
public struct LuaEncoder: Sendable {
  private(set) var bytes: [UInt8] = []

  public init() {}

  public init(_ values: [LuaValue]) {
    for value in values { append(value) }
  }

  /// Empties it and keeps its memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  public mutating func append(_ value: LuaValue) {
    switch value {
    case .nil: append(tag: CLUA_TAG_NIL)
    case .boolean(let value): append(tag: value ? CLUA_TAG_TRUE : CLUA_TAG_FALSE)
    case .integer(let value): append(integer: value)
    case .number(let value):
      append(tag: CLUA_TAG_NUMBER)
      append(raw: value)
    case .string(let text): append(CLUA_TAG_STRING, text)
    case .opaque(let description): append(CLUA_TAG_OPAQUE, description.utf8)
    case .table(let table): append(table)
    }
  }

  /// A string, or nil.
  public mutating func append(text: String?) {
    guard let text else { return append(tag: CLUA_TAG_NIL) }
    append(CLUA_TAG_STRING, text.utf8)
  }

  /// An integer, or nil.
  public mutating func append(integer: Int64?) {
    guard let integer else { return append(tag: CLUA_TAG_NIL) }
    append(tag: CLUA_TAG_INTEGER)
    append(raw: integer)
  }

  /// A table of strings at 1…n.
  public mutating func append(texts: [String]) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(texts.count))
    for text in texts { append(text: text) }
    append(tag: CLUA_TAG_END)
  }

  /// A table of strings under strings, in the order of the keys.
  public mutating func append(texts: [String: String]) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(0))
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
      append(text: key)
      append(text: value)
    }
    append(tag: CLUA_TAG_END)
  }

  private mutating func append(_ table: LuaTable) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(table.array.count))
    for value in table.array { append(value) }
    for pair in table.pairs {
      append(pair.key)
      append(pair.value)
    }
    append(tag: CLUA_TAG_END)
  }

  private mutating func append(tag: some BinaryInteger) { bytes.append(UInt8(truncatingIfNeeded: tag)) }

  private mutating func append(raw value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  private mutating func append(_ tag: some BinaryInteger, _ text: some Collection<UInt8>) {
    append(tag: tag)
    append(raw: UInt32(text.count))
    bytes.append(contentsOf: text)
  }

  /// Lends the bytes to a C function for the time of the call.
  func withBytes<Result>(_ body: (clua_bytes) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(clua_bytes(start: $0.baseAddress, count: $0.count)) }
  }
}
