// Parsing by jansson: strict UTF-8, no trailing text, at most 128 levels deep.
import CJansson

/// Why a text is no JSON, and where.
public struct JSONError: Error, Hashable, CustomStringConvertible {
  public let message: String
  /// Counted from 1; 0 when the text is empty.
  public let line: Int
  public let column: Int

  public var description: String { "invalid JSON at line \(line), column \(column): \(message)" }
}

extension JSON {
  public init(parsing text: String) throws(JSONError) {
    var text = text
    let result: Result<JSON, JSONError> = text.withUTF8 { JSON.parse(UnsafeRawBufferPointer($0)) }
    self = try result.get()
  }

  public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
    let result: Result<JSON, JSONError>? = bytes.withContiguousStorageIfAvailable {
      JSON.parse(UnsafeRawBufferPointer($0))
    }
    self = try (result ?? Array(bytes).withUnsafeBytes { JSON.parse($0) }).get()
  }

  public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
    self = try JSON.parse(bytes).get()
  }

  /// How many levels are read: each takes up to 2 KB of stack, and threads that read JSON may have as little as 512 KB.
  static let deepest = 128

  /// A `Result`, because typed errors do not pass through the closures of the standard library's buffers.
  private static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<JSON, JSONError> {
    if let error = depthError(bytes) { return .failure(error) }
    var error = json_error_t()
    let flags = size_t(JSON_DECODE_ANY) | size_t(JSON_ALLOW_NUL)
    let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    // Integers beyond 64 bits are read as doubles, as most readers do, rather than refused.
    let root =
      json_loadb(start, bytes.count, flags, &error)
      ?? json_loadb(start, bytes.count, flags | size_t(JSON_DECODE_INT_AS_REAL), &error)
    guard let root else {
      let message = withUnsafeBytes(of: &error.text) { String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self) }
      return .failure(JSONError(message: message, line: max(0, Int(error.line)), column: max(0, Int(error.column))))
    }
    defer { json_decref(root) }
    return .success(JSON(root))
  }

  private static func depthError(_ bytes: UnsafeRawBufferPointer) -> JSONError? {
    // Few texts have so many brackets; [ and { differ in one bit.
    var opening = 0
    for byte in bytes where byte | 0x20 == UInt8(ascii: "{") { opening += 1 }
    guard opening > deepest else { return nil }
    var (depth, line, column) = (0, 1, 0)
    var (isText, isEscaped) = (false, false)
    for byte in bytes {
      column += 1
      switch byte {
      case UInt8(ascii: "\n"): (line, column) = (line + 1, 0)
      case _ where isEscaped: isEscaped = false
      case UInt8(ascii: "\\"): isEscaped = isText
      case UInt8(ascii: "\""): isText.toggle()
      case _ where isText: break
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
      if depth > deepest { return JSONError(message: "more than \(deepest) levels deep", line: line, column: column) }
    }
    return nil
  }

  private init(_ node: UnsafeMutablePointer<json_t>) {
    switch node.pointee.type {
    case JSON_OBJECT:
      var members: [String: JSON] = [:]
      members.reserveCapacity(json_object_size(node))
      var iterator = json_object_iter(node)
      while let current = iterator {
        let key = UnsafeBufferPointer(start: fleet_json_key(current), count: fleet_json_key_length(current))
        members[String(decoding: UnsafeRawBufferPointer(key), as: UTF8.self)] = JSON(json_object_iter_value(current))
        iterator = json_object_iter_next(node, current)
      }
      self = .object(members)
    case JSON_ARRAY:
      self = .array((0..<json_array_size(node)).map { JSON(json_array_get(node, $0)) })
    case JSON_STRING:
      let text = UnsafeRawBufferPointer(start: json_string_value(node), count: json_string_length(node))
      self = .string(String(decoding: text, as: UTF8.self))
    case JSON_INTEGER: self = .int(json_integer_value(node))
    case JSON_REAL: self = .double(json_real_value(node))
    case JSON_TRUE: self = .bool(true)
    case JSON_FALSE: self = .bool(false)
    default: self = .null
    }
  }
}
