// The bytes that C made of values, read: the counterpart of CLua's codec.c.

import CLua

struct LuaDecoder {
  private(set) var rest: UnsafeRawBufferPointer
  private let sorts: Bool

  /// - Parameter sorting: whether a table's pairs are put in the order of their keys.
  init(_ bytes: clua_bytes, sorting: Bool = true) {
    rest = UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)
    sorts = sorting
  }

  mutating func values() -> [LuaValue] {
    var values: [LuaValue] = []
    while !rest.isEmpty { values.append(next()) }
    return values
  }

  mutating func next() -> LuaValue {
    let tag: UInt8 = raw()
    switch Int(tag) {
    case Int(CLUA_TAG_NIL): return .nil
    case Int(CLUA_TAG_FALSE): return .boolean(false)
    case Int(CLUA_TAG_TRUE): return .boolean(true)
    case Int(CLUA_TAG_INTEGER): return .integer(raw())
    case Int(CLUA_TAG_NUMBER): return .number(raw())
    case Int(CLUA_TAG_BYTE): return .integer(Int64(raw() as Int8))
    case Int(CLUA_TAG_SHORT): return .integer(Int64(raw() as Int32))
    case Int(CLUA_TAG_WORD): return .string(Array(take(Int(raw() as UInt8))))
    case Int(CLUA_TAG_STRING): return .string(Array(counted()))
    case Int(CLUA_TAG_OPAQUE): return .opaque(String(decoding: counted(), as: UTF8.self))
    case Int(CLUA_TAG_TABLE): return .table(table())
    default: preconditionFailure("CLua made bytes that LuaRuntime does not know")
    }
  }

  private mutating func table() -> LuaTable {
    let count: UInt32 = raw()
    var table = LuaTable()
    table.array.reserveCapacity(Int(count))
    for _ in 0..<count { table.array.append(next()) }
    while rest.first.map(Int.init) != Int(CLUA_TAG_END) { table.pairs.append(LuaTable.Pair(next(), next())) }
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    if sorts { table.pairs.sort { Self.precedes($0.key, $1.key) } }
    return table
  }

  private mutating func raw<Value: BitwiseCopyable>() -> Value {
    let value = rest.loadUnaligned(as: Value.self)
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(MemoryLayout<Value>.size))
    return value
  }

  private mutating func counted() -> UnsafeRawBufferPointer.SubSequence {
    take(Int(raw() as UInt32))
  }

  private mutating func take(_ count: Int) -> UnsafeRawBufferPointer.SubSequence {
    let bytes = rest.prefix(count)
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    return bytes
  }

  /// Numbers, then strings by their bytes, then the rest.
  private static func precedes(_ a: LuaValue, _ b: LuaValue) -> Bool {
    func rank(_ value: LuaValue) -> Int {
      switch value {
      case .integer, .number: 0
      case .string: 1
      case .boolean: 2
      default: 3
      }
    }
    switch (a, b) {
    case (.integer(let a), .integer(let b)): return a < b
    case (.string(let a), .string(let b)): return a.lexicographicallyPrecedes(b)
    case (.boolean(let a), .boolean(let b)): return !a && b
    default:
      if let a = a.number, let b = b.number { return a < b }
      return rank(a) < rank(b)
    }
  }
}
