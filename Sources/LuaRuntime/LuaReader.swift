// Reads encoded values one after another, without making a `LuaValue` of what is not needed as one.

import CLua

/// A cursor over the results of a decision.
public struct LuaReader: ~Copyable {
  private var rest: UnsafeRawBufferPointer

  init(_ bytes: clua_bytes) { rest = UnsafeRawBufferPointer(start: bytes.start, count: bytes.count) }

  public enum Kind { case `nil`, boolean, number, string, table, opaque, end }

  /// What comes next; `.end` after the last value, or after the last pair of a table.
  public var next: Kind {
    switch rest.first.map(Int.init) {
    case nil, Int(CLUA_TAG_END): .end
    case Int(CLUA_TAG_NIL): .nil
    case Int(CLUA_TAG_FALSE), Int(CLUA_TAG_TRUE): .boolean
    case Int(CLUA_TAG_INTEGER), Int(CLUA_TAG_NUMBER): .number
    case Int(CLUA_TAG_STRING): .string
    case Int(CLUA_TAG_TABLE): .table
    default: .opaque
    }
  }

  /// Reads any value; nil, and nothing is read, at an end.
  public mutating func value() -> LuaValue {
    if next == .end { return .nil }
    var decoder = LuaDecoder(
      clua_bytes(start: rest.baseAddress?.assumingMemoryBound(to: UInt8.self), count: rest.count))
    let value = decoder.next()
    rest = decoder.rest
    return value
  }

  /// Reads a string; nil, and nothing is read, if none comes next.
  public mutating func text() -> String? {
    guard next == .string else { return nil }
    let count = Int(rest.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    let text = String(decoding: UnsafeRawBufferPointer(rebasing: rest[5..<5 + count]), as: UTF8.self)
    drop(5 + count)
    return text
  }

  /// Enters a table and returns how many values of 1…n follow, before its pairs; nil, and nothing is read, if none
  /// comes next. After the pairs comes `.end`, which `leaveTable` reads.
  public mutating func enterTable() -> Int? {
    guard next == .table else { return nil }
    let count = Int(rest.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    drop(5)
    return count
  }

  public mutating func leaveTable() { drop(1) }

  private mutating func drop(_ count: Int) { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
}
