// A value in several representations, as Jupyter's messages carry it.
import JSON
import LuaRuntime

struct MIMEBundle {
  /// By MIME type.
  let data: JSON
  let metadata: JSON

  /// - Parameter values: a table with MIME types as keys.
  /// - Throws: when a representation is not what its type demands.
  init(_ values: LuaValue, metadata: LuaValue = .nil) throws(ScriptError) {
    var data: [String: JSON] = [:]
    for pair in values.table?.pairs ?? [] {
      guard let type = pair.key.text else { continue }
      data[type] = try MIMEBundle.content(pair.value, type)
    }
    self.data = .object(data)
    let extra: JSON = metadata.isNil ? [:] : try JSON(metadata)
    guard extra.object != nil else { throw ScriptError("display: metadata must be a table with names") }
    self.metadata = extra
  }

  private static func content(_ value: LuaValue, _ type: String) throws(ScriptError) -> JSON {
    if type == "application/json" || type.hasSuffix("+json") { return try JSON(value) }
    switch value {
    case .string(let bytes):
      return .string(isBinary(type) ? encoded(bytes) : String(decoding: bytes, as: UTF8.self))
    case .integer, .number, .boolean: return .string("\(value)")
    default: throw ScriptError("display: \(type) must be a string, not \(value.typeName)")
    }
  }

  private static func isBinary(_ type: String) -> Bool {
    type == "application/pdf" || (type.hasPrefix("image/") && !type.hasPrefix("image/svg"))
  }

  /// Base64; what already looks like it is left alone.
  private static func encoded(_ bytes: [UInt8]) -> String {
    let isText = bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), 10, 13:
        true
      default: false
      }
    }
    return isText ? String(decoding: bytes, as: UTF8.self) : base64(bytes)
  }

  static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for byte in group { bits = bits << 8 | UInt32(byte) }
      bits <<= 8 * UInt32(3 - group.count)
      for place in 0..<4 {
        out.append(place <= group.count ? digits[Int(bits >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
