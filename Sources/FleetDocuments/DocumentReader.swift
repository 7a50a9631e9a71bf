// Members of a document, read strictly: what is missing or of the wrong kind is an error that names its place.
import JSON

/// Why a document is not what it should be: a sentence that names the member.
public struct DocumentError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

struct DocumentReader {
  let members: [String: JSON]
  /// Such as `entries[3].decision`; empty for the document itself.
  let place: String

  init(_ json: JSON, at place: String) throws(DocumentError) {
    guard case .object(let members) = json else {
      throw DocumentError("\(place.isEmpty ? "the document" : place) must be an object, not \(json.kind)")
    }
    self.members = members
    self.place = place
  }

  /// Nil for null, as for a member that is not there.
  private func member(_ name: String) -> JSON? { members[name].flatMap { $0.isNull ? nil : $0 } }

  func has(_ name: String) -> Bool { member(name) != nil }

  func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

  func wrong(_ name: String, _ expected: String) -> DocumentError {
    guard let value = member(name) else { return DocumentError("\(path(name)) is missing; it must be \(expected)") }
    return DocumentError("\(path(name)) must be \(expected), not \(value.kind)")
  }

  func optionalString(_ name: String) throws(DocumentError) -> String? {
    guard let value = member(name) else { return nil }
    guard let text = value.string else { throw wrong(name, "a string") }
    return text
  }

  func string(_ name: String) throws(DocumentError) -> String {
    guard let text = try optionalString(name) else { throw wrong(name, "a string") }
    return text
  }

  func optionalInt(_ name: String) throws(DocumentError) -> Int64? {
    guard let value = member(name) else { return nil }
    guard let number = value.int else { throw wrong(name, "an integer") }
    return number
  }

  func int(_ name: String, default value: Int? = nil) throws(DocumentError) -> Int {
    guard let number = try optionalInt(name).map({ Int($0) }) ?? value else { throw wrong(name, "an integer") }
    return number
  }

  func optionalDouble(_ name: String) throws(DocumentError) -> Double? {
    guard let value = member(name) else { return nil }
    guard let number = value.double else { throw wrong(name, "a number") }
    return number
  }

  func double(_ name: String) throws(DocumentError) -> Double {
    guard let number = try optionalDouble(name) else { throw wrong(name, "a number") }
    return number
  }

  /// False if it is missing.
  func bool(_ name: String) throws(DocumentError) -> Bool {
    guard let value = member(name) else { return false }
    guard let flag = value.bool else { throw wrong(name, "true or false") }
    return flag
  }

  /// Empty if it is missing.
  func array(_ name: String) throws(DocumentError) -> [JSON] {
    guard let value = member(name) else { return [] }
    guard let elements = value.array else { throw wrong(name, "an array") }
    return elements
  }

  func strings(_ name: String) throws(DocumentError) -> [String] {
    let elements = try array(name)
    let strings = elements.compactMap(\.string)
    guard strings.count == elements.count else { throw wrong(name, "an array of strings") }
    return strings
  }

  func stringsByName(_ name: String) throws(DocumentError) -> [String: String] {
    guard let value = member(name) else { return [:] }
    guard let members = value.object, members.values.allSatisfy({ $0.string != nil }) else {
      throw wrong(name, "an object of strings")
    }
    return members.compactMapValues(\.string)
  }

  func object(_ name: String) throws(DocumentError) -> DocumentReader {
    guard let value = member(name) else { throw wrong(name, "an object") }
    return try DocumentReader(value, at: path(name))
  }
}

/// An object that leaves out what is nil, empty or false: most members of most records are.
struct DocumentWriter {
  private(set) var members: [String: JSON] = [:]

  var json: JSON { .object(members) }

  mutating func set(_ name: String, _ value: JSON) { members[name] = value }

  mutating func set(_ name: String, _ text: String?) {
    if let text { members[name] = .string(text) }
  }

  mutating func set(_ name: String, _ number: Int?) {
    if let number { members[name] = .int(Int64(number)) }
  }

  mutating func set(_ name: String, _ number: Int64?) {
    if let number { members[name] = .int(number) }
  }

  mutating func set(_ name: String, _ number: Double?) {
    if let number { members[name] = .double(number) }
  }

  mutating func set(_ name: String, flag: Bool) {
    if flag { members[name] = .bool(true) }
  }

  mutating func set(_ name: String, _ texts: [String]) {
    if !texts.isEmpty { members[name] = .array(texts.map(JSON.string)) }
  }

  mutating func set(_ name: String, _ texts: [String: String]) {
    if !texts.isEmpty { members[name] = .object(texts.mapValues(JSON.string)) }
  }
}
