// Reads encoded values one after another, without making a `LuaValue` of what is not needed as one.

import CLua

/// A cursor over the results of a decision, to be read before anything else is done with the state.
public struct LuaReader: ~Copyable {
  private var at: UnsafePointer<UInt8>?
  private let end: UnsafePointer<UInt8>?

  init(_ bytes: clua_bytes) {
    at = bytes.start
    end = bytes.start.map { $0 + bytes.count }
  }

  public enum Kind { case `nil`, boolean, number, string, table, opaque, end }

  /// What comes next; `.end` after the last value, or after the last pair of a table.
  public var next: Kind {
    guard let at, at != end else { return .end }
    switch Int(at.pointee) {
    case CLUA_TAG_END: return .end
    case CLUA_TAG_NIL: return .nil
    case CLUA_TAG_FALSE, CLUA_TAG_TRUE: return .boolean
    case CLUA_TAG_BYTE, CLUA_TAG_SHORT, CLUA_TAG_INTEGER, CLUA_TAG_NUMBER: return .number
    case CLUA_TAG_WORD, CLUA_TAG_STRING: return .string
    case CLUA_TAG_TABLE: return .table
    default: return .opaque
    }
  }

  /// Reads any value; nil, and nothing is read, at an end.
  public mutating func value() -> LuaValue {
    guard next != .end, let at, let end else { return .nil }
    var decoder = LuaDecoder(clua_bytes(start: at, count: end - at))
    let value = decoder.next()
    drop((end - at) - decoder.rest.count)
    return value
  }

  /// Reads a string; nil, and nothing is read, if none comes next.
  public mutating func text() -> String? {
    guard let bytes = string else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    drop(to: bytes)
    return text
  }

  /// Reads a string if it is this one, and tells whether it was.
  public mutating func skip(_ expected: StaticString) -> Bool {
    guard let bytes = string, bytes.count == expected.utf8CodeUnitCount else { return false }
    for index in 0..<bytes.count where bytes[index] != expected.utf8Start[index] { return false }
    drop(to: bytes)
    return true
  }

  /// Enters a table and returns how many values of 1…n follow, before its pairs; nil, and nothing is read, if none
  /// comes next. After the pairs comes `.end`, which `leaveTable` reads.
  public mutating func enterTable() -> Int? {
    guard next == .table else { return nil }
    let count = counted
    drop(5)
    return count
  }

  public mutating func leaveTable() { drop(1) }

  /// The 32-bit number after the tag.
  private var counted: Int {
    at.map { Int(UnsafeRawPointer($0).loadUnaligned(fromByteOffset: 1, as: UInt32.self)) } ?? 0
  }

  /// The bytes of the string that comes next.
  private var string: UnsafeBufferPointer<UInt8>? {
    guard next == .string, let at else { return nil }
    if Int(at.pointee) == CLUA_TAG_WORD { return UnsafeBufferPointer(start: at + 2, count: Int(at[1])) }
    return UnsafeBufferPointer(start: at + 5, count: counted)
  }

  /// Goes on behind a string.
  private mutating func drop(to bytes: UnsafeBufferPointer<UInt8>) { at = bytes.baseAddress.map { $0 + bytes.count } }

  private mutating func drop(_ count: Int) { at = at.map { $0 + count } }
}
