// Values as the bytes that C pushes: the counterpart of CLua's codec.c.

import CLua

/// A sequence of encoded values. It can be filled without making a `LuaValue` of each, and emptied and filled again
/// without taking memory: a class, and not an array inside, because a decision fills one in some 50 ns.
public final class LuaEncoder {
  private var start: UnsafeMutableRawPointer
  private var capacity: Int
  private var count = 0

  public init() {
    capacity = 256
    start = .allocate(byteCount: capacity, alignment: 8)
  }

  public convenience init(_ values: [LuaValue]) {
    self.init()
    for value in values { append(value) }
  }

  deinit { start.deallocate() }

  /// Empties it and keeps its memory.
  public func removeAll() { count = 0 }

  public func append(_ value: LuaValue) {
    switch value {
    case .nil: append(tag: CLUA_TAG_NIL)
    case .boolean(let value): append(boolean: value)
    case .integer(let value): append(integer: value)
    case .number(let value): append(number: value)
    case .string(let text): text.withUnsafeBytes { append(string: $0) }
    case .opaque(let description): append(text: description)
    case .table(let table): append(table)
    }
  }

  public func appendNil() { append(tag: CLUA_TAG_NIL) }

  /// A string, or nil.
  public func append(text: String?) {
    guard var text else { return append(tag: CLUA_TAG_NIL) }
    text.withUTF8 { append(string: UnsafeRawBufferPointer($0)) }
  }

  /// An integer, or nil.
  public func append(integer: Int64?) {
    guard let integer else { return append(tag: CLUA_TAG_NIL) }
    if let byte = Int8(exactly: integer) {
      append(tag: CLUA_TAG_BYTE)
      append(raw: byte)
    } else if let short = Int32(exactly: integer) {
      append(tag: CLUA_TAG_SHORT)
      append(raw: short)
    } else {
      append(tag: CLUA_TAG_INTEGER)
      append(raw: integer)
    }
  }

  /// A float, or nil.
  public func append(number: Double?) {
    guard let number else { return append(tag: CLUA_TAG_NIL) }
    append(tag: CLUA_TAG_NUMBER)
    append(raw: number)
  }

  public func append(boolean: Bool) { append(tag: boolean ? CLUA_TAG_TRUE : CLUA_TAG_FALSE) }

  /// A table of strings at 1…n.
  public func append(texts: [String]) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(texts.count))
    for text in texts { append(text: text) }
    append(tag: CLUA_TAG_END)
  }

  /// A table of strings under strings, in the order of the keys.
  public func append(texts: [String: String]) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(0))
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
      append(text: key)
      append(text: value)
    }
    append(tag: CLUA_TAG_END)
  }

  private func append(_ table: LuaTable) {
    append(tag: CLUA_TAG_TABLE)
    append(raw: UInt32(table.array.count))
    for value in table.array { append(value) }
    for pair in table.pairs {
      append(pair.key)
      append(pair.value)
    }
    append(tag: CLUA_TAG_END)
  }

  private func append(tag: some BinaryInteger) { append(raw: UInt8(truncatingIfNeeded: tag)) }

  private func append<Value: BitwiseCopyable>(raw value: Value) {
    reserve(MemoryLayout<Value>.size)
    (start + count).storeBytes(of: value, as: Value.self)
    count += MemoryLayout<Value>.size
  }

  private func append(string text: UnsafeRawBufferPointer) {
    reserve(5 + text.count)
    let isShort = text.count <= UInt8.max, header = isShort ? 2 : 5
    (start + count).storeBytes(
      of: UInt8(truncatingIfNeeded: isShort ? CLUA_TAG_WORD : CLUA_TAG_STRING), as: UInt8.self)
    if isShort {
      (start + count + 1).storeBytes(of: UInt8(text.count), as: UInt8.self)
    } else {
      (start + count + 1).storeBytes(of: UInt32(text.count), as: UInt32.self)
    }
    if let bytes = text.baseAddress { (start + count + header).copyMemory(from: bytes, byteCount: text.count) }
    count += header + text.count
  }

  @inline(__always)
  private func reserve(_ extra: Int) {
    if count + extra > capacity { grow(count + extra) }
  }

  private func grow(_ least: Int) {
    capacity = max(least, 2 * capacity)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
    larger.copyMemory(from: start, byteCount: count)
    start.deallocate()
    start = larger
  }

  /// Lends the bytes to a C function for the time of the call.
  func withBytes<Result>(_ body: (clua_bytes) -> Result) -> Result {
    defer { withExtendedLifetime(self) {} }
    return body(clua_bytes(start: UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), count: count))
  }
}
