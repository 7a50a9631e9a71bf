// A table that an author wrote, read field by field: wrong types and unknown names are errors that say what is known.

import FleetConfiguration
import LuaRuntime

struct FieldReader {
  /// What the table is, for messages: "kernel".
  let what: String
  private let table: LuaTable
  private var known: [String] = []

  /// - Parameter value: a table, or nil for an empty one.
  init(_ value: LuaValue, _ what: String) throws(ToolError) {
    self.what = what
    switch value {
    case .nil: table = LuaTable()
    case .table(let table): self.table = table
    default: throw ToolError("\(what) must be a table, found \(value.kind)")
    }
    if !table.array.isEmpty { throw ToolError("\(what) must be a table of named fields, found a list") }
  }

  mutating func value(_ key: String) -> LuaValue? {
    known.append(key)
    guard let value = table[key], value != .nil else { return nil }
    return value
  }

  mutating func string(_ key: String) throws(ToolError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.text else { throw wrong(key, value, "a string") }
    return text
  }

  mutating func bool(_ key: String) throws(ToolError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let bool = value.boolean else { throw wrong(key, value, "true or false") }
    return bool
  }

  mutating func integer(_ key: String) throws(ToolError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let integer = value.integer else { throw wrong(key, value, "a whole number") }
    return Int(integer)
  }

  mutating func number(_ key: String) throws(ToolError) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.number else { throw wrong(key, value, "a number") }
    return number
  }

  /// A number of bytes, or a text such as "512M".
  mutating func bytes(_ key: String) throws(ToolError) -> Int64? {
    guard let value = value(key) else { return nil }
    if let number = value.number {
      guard let whole = Int64(exactly: number.rounded(.down)) else { throw wrong(key, value, "bytes") }
      return whole
    }
    guard let text = value.text else { throw wrong(key, value, "bytes, or a size such as \"512M\"") }
    do throws(ValueError) { return try ByteCount(parsing: text).bytes } catch {
      throw ToolError("\(what).\(key): \(error.description)")
    }
  }

  /// A number of seconds, or a text such as "5m".
  mutating func seconds(_ key: String) throws(ToolError) -> Double? {
    guard let value = value(key) else { return nil }
    return try Self.seconds(value, "\(what).\(key)")
  }

  static func seconds(_ value: LuaValue, _ name: String) throws(ToolError) -> Double {
    if let number = value.number { return number }
    guard let text = value.text else {
      throw ToolError("\(name) must be seconds, or a length of time such as \"5m\", found \(value.kind)")
    }
    do throws(ValueError) {
      let (seconds, attoseconds) = try DurationText.parse(text).components
      return Double(seconds) + Double(attoseconds) / 1e18
    } catch { throw ToolError("\(name): \(error.description)") }
  }

  mutating func strings(_ key: String) throws(ToolError) -> [String]? {
    guard let value = value(key) else { return nil }
    guard let table = value.table, table.pairs.isEmpty else { throw wrong(key, value, "a list of strings") }
    var strings: [String] = []
    for element in table.array {
      guard let text = element.text else { throw wrong(key, element, "a list of strings") }
      strings.append(text)
    }
    return strings
  }

  mutating func stringsByName(_ key: String) throws(ToolError) -> [String: String]? {
    guard let value = value(key) else { return nil }
    guard let table = value.table, table.array.isEmpty else { throw wrong(key, value, "a table of strings") }
    var strings: [String: String] = [:]
    for pair in table.pairs {
      guard let name = pair.key.text, let text = pair.value.text else { throw wrong(key, value, "a table of strings") }
      strings[name] = text
    }
    return strings
  }

  /// To be called last: a field that nobody asked for is an error.
  func finish() throws(ToolError) {
    for pair in table.pairs {
      guard let name = pair.key.text else { throw ToolError("\(what) has a field whose name is \(pair.key.kind)") }
      if known.contains(name) { continue }
      let hint = NearestName.hint(for: name, among: known, what: "it has")
      throw ToolError("\(what) has no field \"\(name)\"\(hint)")
    }
  }

  func wrong(_ key: String, _ value: LuaValue, _ expected: String) -> ToolError {
    ToolError("\(what).\(key) must be \(expected), found \(value.kind)")
  }
}

extension LuaValue {
  /// For "expected a string, found …".
  var kind: String {
    switch self {
    case .nil: "nil"
    case .boolean(let value): "\(value)"
    case .integer, .number: "a number"
    case .string: "a string"
    case .table: "a table"
    case .opaque(let what): "a \(what)"
    }
  }
}
