// Values as the bytes that C pushes: the counterpart of CLua's codec.c.

import CLua

struct LuaEncoder {
  private(set) var bytes: [UInt8] = []

  init(_ values: [LuaValue] = []) {
    for value in values { append(value) }
  }

  mutating func append(_ value: LuaValue) {
    switch value {
    case .nil: append(tag: CLUA_TAG_NIL)
    case .boolean(let value): append(tag: value ? CLUA_TAG_TRUE : CLUA_TAG_FALSE)
    case .integer(let value):
      append(tag: CLUA_TAG_INTEGER)
      append(raw: value)
    case .number(let value):
      append(tag: CLUA_TAG_NUMBER)
      append(raw: value)
    case .string(let text):
      append(tag: CLUA_TAG_STRING)
      append(counted: text)
    case .opaque(let description):
      append(tag: CLUA_TAG_OPAQUE)
      append(counted: Array(description.utf8))
    case .table(let table): append(table)
    }
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

  private mutating func append(tag: some BinaryInteger) { bytes.append(UInt8(tag)) }

  private mutating func append(raw value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  private mutating func append(counted text: [UInt8]) {
    append(raw: UInt32(text.count))
    bytes.append(contentsOf: text)
  }

  /// Lends the bytes to a C function for the time of the call.
  func withBytes<Result>(_ body: (clua_bytes) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(clua_bytes(start: $0.baseAddress, count: $0.count)) }
  }
}
