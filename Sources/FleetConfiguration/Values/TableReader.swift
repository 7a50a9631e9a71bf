// Reads one table of a TOML file key by key, strictly: whatever nobody asked for is an error.

/// Every getter answers nil for a missing key, throws for a wrong type, and remembers the key as known.
package struct TableReader {
  package let file: String
  /// "[llm]"; empty for the top of the file.
  package let section: String
  package let position: SourcePosition
  private let table: TOMLTable
  private var known: [String] = []

  /// The top of a file.
  package init(text: String, file: String) throws(ConfigurationError) {
    self.file = file
    section = ""
    position = SourcePosition(line: 1, column: 1)
    do {
      table = try TOML.parse(text)
    } catch {
      throw ConfigurationError(.syntax, error.message, file: file, at: error.position)
    }
  }

  private init(_ table: TOMLTable, section: String, file: String, position: SourcePosition) {
    self.table = table
    self.section = section
    self.file = file
    self.position = position
  }

  /// All keys, for tables whose keys are names of the user's choice.
  package var names: [String] { table.keys }

  package func position(of key: String) -> SourcePosition { table[key]?.position ?? position }

  package mutating func node(_ key: String) -> TOMLNode? {
    if !known.contains(key) { known.append(key) }
    return table[key]
  }

  package mutating func string(_ key: String) throws(ConfigurationError) -> String? {
    guard let node = node(key) else { return nil }
    guard case .string(let value) = node.content else { throw wrongType(key, node, expected: "a string") }
    return value
  }

  package mutating func bool(_ key: String) throws(ConfigurationError) -> Bool? {
    guard let node = node(key) else { return nil }
    guard case .boolean(let value) = node.content else { throw wrongType(key, node, expected: "true or false") }
    return value
  }

  package mutating func integer(_ key: String, in range: ClosedRange<Int64>) throws(ConfigurationError) -> Int? {
    guard let node = node(key) else { return nil }
    guard case .integer(let value) = node.content else { throw wrongType(key, node, expected: "an integer") }
    guard range.contains(value) else {
      throw badValue(
        key, "\(value) is out of range; write a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(value)
  }

  package mutating func number(_ key: String) throws(ConfigurationError) -> Double? {
    guard let node = node(key) else { return nil }
    switch node.content {
    case .float(let value) where value.isFinite: return value
    case .integer(let value): return Double(value)
    default: throw wrongType(key, node, expected: "a number")
    }
  }

  package mutating func strings(_ key: String) throws(ConfigurationError) -> [String]? {
    guard let node = node(key) else { return nil }
    guard case .array(let elements) = node.content else { throw wrongType(key, node, expected: "an array of strings") }
    var strings: [String] = []
    for element in elements {
      guard case .string(let value) = element.content else {
        throw wrongType(key, element, expected: "an array of strings", found: "\(element.kind) in it")
      }
      strings.append(value)
    }
    return strings
  }

  /// A string or an array of strings.
  package mutating func stringOrStrings(_ key: String) throws(ConfigurationError) -> [String]? {
    guard let node = node(key) else { return nil }
    switch node.content {
    case .string(let value): return [value]
    case .array: return try strings(key)
    default: throw wrongType(key, node, expected: "a string or an array of strings")
    }
  }

  /// A table of its own.
  package mutating func table(_ key: String) throws(ConfigurationError) -> TableReader? {
    guard let node = node(key) else { return nil }
    guard case .table(let inner) = node.content else { throw wrongType(key, node, expected: "a table") }
    let name = section.isEmpty ? "[\(key)]" : "[\(section.filter { $0 != "[" && $0 != "]" }).\(key)]"
    return TableReader(inner, section: name, file: file, position: node.position)
  }

  /// The tables of an array, such as `[[kernels]]`.
  package mutating func tables(_ key: String) throws(ConfigurationError) -> [TableReader] {
    guard let node = node(key) else { return [] }
    let name = section.isEmpty ? "[[\(key)]]" : "[[\(section.filter { $0 != "[" && $0 != "]" }).\(key)]]"
    let expected = "an array of tables, \(name)"
    guard case .array(let elements) = node.content else { throw wrongType(key, node, expected: expected) }
    var tables: [TableReader] = []
    for element in elements {
      guard case .table(let inner) = element.content else { throw wrongType(key, element, expected: expected) }
      tables.append(TableReader(inner, section: name, file: file, position: element.position))
    }
    return tables
  }

  /// All of it as strings by name, for labels and environments.
  package mutating func stringsByName() throws(ConfigurationError) -> [String: String] {
    var result: [String: String] = [:]
    for name in names { result[name] = try string(name) }
    return result
  }

  /// To be called last: the first key that nobody asked for is an error.
  package func finish() throws(ConfigurationError) {
    guard let key = table.keys.first(where: { !known.contains($0) }), let node = table[key] else { return }
    var what = "key"
    if case .table = node.content { what = "section" }
    let place = section.isEmpty ? "" : " in \(section)"
    let hint = NearestName.hint(for: key, among: known, what: "known here")
    throw ConfigurationError(.unknownKey, "unknown \(what) \"\(key)\"\(place)\(hint)", file: file, at: node.position)
  }
}

// Errors that name the key, and values that are written as text.
extension TableReader {
  package func wrongType(_ key: String, _ node: TOMLNode, expected: String, found: String? = nil) -> ConfigurationError
  {
    ConfigurationError(
      .wrongType, "\(named(key)) must be \(expected), found \(found ?? node.kind)", file: file, at: node.position)
  }

  package func badValue(_ key: String, _ message: String) -> ConfigurationError {
    ConfigurationError(.badValue, "\(named(key)): \(message)", file: file, at: position(of: key))
  }

  /// A key that must be there: perhaps it is, under a name that is nearly its own.
  package func missing(_ key: String, _ advice: String) -> ConfigurationError {
    let unread = table.keys.first { !known.contains($0) && NearestName.of($0, among: [key]) != nil }
    guard let unread, let node = table[unread] else { return badValue(key, "is missing; \(advice)") }
    let place = section.isEmpty ? "" : " in \(section)"
    return ConfigurationError(
      .unknownKey, "unknown key \"\(unread)\"\(place); did you mean \"\(key)\"?", file: file, at: node.position)
  }

  private func named(_ key: String) -> String { section.isEmpty ? "\"\(key)\"" : "\"\(key)\" in \(section)" }

  /// A value with its own spelling.
  package mutating func parsed<Value>(
    _ key: String, _ parse: (String) throws(ValueError) -> Value
  ) throws(ConfigurationError) -> Value? {
    guard let text = try string(key) else { return nil }
    do { return try parse(text) } catch { throw badValue(key, error.description) }
  }

  /// A value that is written as an integer or as text.
  package mutating func parsedOrInteger<Value>(
    _ key: String, expected: String, _ parse: (String) throws(ValueError) -> Value
  ) throws(ConfigurationError) -> Value? {
    guard let node = node(key) else { return nil }
    let text: String
    switch node.content {
    case .string(let value): text = value
    case .integer(let value): text = String(value)
    default: throw wrongType(key, node, expected: expected)
    }
    do { return try parse(text) } catch { throw badValue(key, error.description) }
  }

  /// One of a few words.
  package mutating func word<Word: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Word.Type
  ) throws(ConfigurationError) -> Word? where Word.RawValue == String {
    guard let text = try string(key) else { return nil }
    if let word = Word(rawValue: text) { return word }
    let hint = NearestName.hint(for: text, among: type.allCases.map(\.rawValue), what: "write one of")
    throw badValue(key, "\"\(text)\" is not known\(hint)")
  }

  /// Bytes; zero is no limit but a mistake.
  package mutating func size(_ key: String) throws(ConfigurationError) -> ByteCount? {
    let expected = "a size such as \"512M\" or a number of bytes"
    guard let size = try parsedOrInteger(key, expected: expected, ByteCount.init(parsing:)) else { return nil }
    guard size.bytes > 0 else { throw badValue(key, "a size of 0 leaves nothing; leave the key out for no limit") }
    return size
  }

  package mutating func duration(_ key: String) throws(ConfigurationError) -> Duration? {
    try parsedOrInteger(key, expected: "a length of time such as \"2s\"", DurationText.parse)
  }

  /// The `[limits]` of a kernel config, a pool or `fleet.toml`.
  package mutating func limits() throws(ConfigurationError) -> Limits {
    guard var reader = try table("limits") else { return Limits() }
    var limits = Limits()
    limits.memory = try reader.parsedOrInteger(
      "memory", expected: "a size such as \"512M\" or a number of bytes", Limits.memory(parsing:))
    if let node = reader.node("cpu") {
      if case .string = node.content {
        limits.cpu = try reader.parsed("cpu", CPUShare.init(parsing:))
      } else if let cores = try reader.number("cpu") {
        do { limits.cpu = try CPUShare(cores: cores) } catch { throw reader.badValue("cpu", error.description) }
      }
    }
    limits.nice = try reader.parsedOrInteger("nice", expected: "an integer", Niceness.init(parsing:))
    limits.processes = try reader.parsedOrInteger("processes", expected: "an integer", Limits.processes(parsing:))
    limits.openFiles = try reader.parsedOrInteger("open_files", expected: "an integer", Limits.openFiles(parsing:))
    limits.fileSize = try reader.parsedOrInteger(
      "file_size", expected: "a size such as \"512M\" or a number of bytes", Limits.fileSize(parsing:))
    try reader.finish()
    return limits
  }
}
