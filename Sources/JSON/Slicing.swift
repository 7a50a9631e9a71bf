// JSON that is passed on as it is: checked byte by byte, and cut into the members of its outermost object.

/// The members of an object, as ranges of the text that they stand in. No value is built, so a long content costs one
/// pass over its bytes and no memory.
public struct JSONSlices: Sendable {
  public struct Member: Sendable {
    /// Between the quotes, as it is written.
    public var name: Range<Int>
    /// From the first byte of the value to behind its last.
    public var value: Range<Int>
  }

  public let text: [UInt8]
  public private(set) var members: [Member] = []

  /// - Throws: what is no JSON object (RFC 8259, strict UTF-8, at most 128 levels deep).
  public init(of text: [UInt8]) throws(JSONError) {
    self.text = text
    var scanner = JSONScanner()
    let result: Result<[Member], JSONError> = text.withUnsafeBufferPointer { bytes in
      do throws(JSONError) { return .success(try scanner.object(bytes)) } catch { return .failure(error) }
    }
    members = try result.get()
  }

  /// The value of the last member of this name, as it is written; nil if there is none.
  public subscript(name: StaticString) -> ArraySlice<UInt8>? {
    range(of: name).map { text[$0] }
  }

  public func range(of name: StaticString) -> Range<Int>? {
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return members.last { $0.name.count == wanted.count && text[$0.name].elementsEqual(wanted) }?.value
  }

  /// A member that is a string; nil if it is none or is missing.
  public func string(_ name: StaticString) -> String? {
    guard let range = range(of: name), text[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
    let inner = text[(range.lowerBound + 1)..<(range.upperBound - 1)]
    if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
    // Fails for half a surrogate pair, which the scanner lets pass: no string has such a value.
    return try? JSON(parsing: text[range]).string
  }
}
