// The fields of a table that a policy answered, taken one by one; every complaint says what was found and what was
// expected.

import LuaRuntime

/// What is wrong with an answer, in words that follow "test.lua:3: scale".
struct Malformed: Error {
  let description: String

  init(_ description: String) { self.description = description }
}

struct AnswerTable {
  /// What stands around the table in the whole answer, such as `{allow = ` and `}`.
  private let around: (before: String, after: String)
  private var fields: [String: LuaValue] = [:]

  /// - Parameters:
  ///   - example: of what the table should look like.
  ///   - known: the fields that there are.
  init(
    _ value: LuaValue, like example: String, known: [String], around: (String, String) = ("", "")
  ) throws(Malformed) {
    self.around = around
    guard let table = value.table else {
      throw Malformed("answered \(around.0)\(value)\(around.1), where a table such as \(example) was expected")
    }
    if let first = table.array.first {
      throw Malformed("answered \(around.0){\(first)}\(around.1), where a table such as \(example) was expected")
    }
    for pair in table.pairs {
      guard let key = pair.key.text, known.contains(key) else {
        throw Malformed(
          "answered \(around.0){\(Self.name(pair.key)) = \(pair.value)}\(around.1); "
            + Self.advice(pair.key, known))
      }
      fields[key] = pair.value
    }
  }

  private static func name(_ key: LuaValue) -> String { key.text ?? "[\(key)]" }

  private static func advice(_ key: LuaValue, _ known: [String]) -> String {
    if let word = key.text, let meant = suggestion(for: word, among: known) {
      return "there is no '\(word)'; did you mean '\(meant)'?"
    }
    return "it takes \(known.joined(separator: ", "))"
  }

  var isEmpty: Bool { fields.isEmpty }
  var count: Int { fields.count }

  func has(_ name: String) -> Bool { fields[name] != nil }

  func value(_ name: String) -> LuaValue? { fields[name] }

  func wrong(_ name: String, _ expected: String) -> Malformed {
    let value = fields[name] ?? .nil
    return Malformed("answered \(around.before){\(name) = \(value)}\(around.after), where \(expected) was expected")
  }

  func text(_ name: String, _ expected: String) throws(Malformed) -> String? {
    guard let value = fields[name] else { return nil }
    guard let text = value.text, !text.isEmpty else { throw wrong(name, expected) }
    return text
  }

  func number(
    _ name: String, _ expected: String, where isFit: (Double) -> Bool = \.isFinite
  ) throws(Malformed) -> Double? {
    guard let value = fields[name] else { return nil }
    guard let number = value.number, !number.isNaN, isFit(number) else { throw wrong(name, expected) }
    return number
  }

  func integer(
    _ name: String, _ expected: String, in range: ClosedRange<Int64>
  ) throws(Malformed) -> Int64? {
    guard let value = fields[name] else { return nil }
    guard let number = value.integer, range.contains(number) else { throw wrong(name, expected) }
    return number
  }

  /// Seconds that are not negative, and no more than thirty years.
  func seconds(_ name: String) throws(Malformed) -> Double? {
    try number(name, "a number of seconds that is not negative") { $0 >= 0 && $0 <= 1e9 }
  }
}
