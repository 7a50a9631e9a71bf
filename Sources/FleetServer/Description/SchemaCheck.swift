// Whether a value is what its schema says, so that openapi.json is true of what is refused.
import FleetEngine
import Foundation
import JSON
import Synchronization

/// The part of JSON Schema (draft 2020-12) that the description uses for what clients send.
enum SchemaCheck {
  /// What is checked. A schema for requests has no other words, or it would say what nobody holds anybody to.
  static let keywords: Set<String> = [
    "type", "enum", "anyOf", "minimum", "maximum", "pattern", "format", "minLength", "maxLength", "properties",
    "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties",
  ]
  /// What only tells something.
  static let annotations: Set<String> = ["description", "default"]

  /// Where a value is not as described, and what it should be. Values are not told: some are secrets.
  struct Problem: Equatable {
    var path: [String] = []
    var text: String

    func inside(_ name: String) -> Problem { Problem(path: [name] + path, text: text) }
  }

  /// - Throws: `badRequest`, which names the member that is wrong.
  static func check(body: JSON, _ schema: JSON) throws(EngineError) {
    guard let problem = problem(body, schema) else { return }
    let place = problem.path.isEmpty ? "the body" : "'\(problem.path.joined(separator: ".").prefix(200))'"
    throw EngineError(.badRequest, "\(place) \(problem.text)")
  }

  /// Nil if it fits.
  static func problem(_ value: JSON, _ schema: JSON) -> Problem? {
    if let name = schema["$ref"]?.string?.split(separator: "/").last {
      guard let schema = APIDescription.requestSchema(String(name)) else { preconditionFailure("no schema \(name)") }
      return problem(value, schema)
    }
    return typeProblem(value, schema) ?? waysProblem(value, schema) ?? numberProblem(value, schema)
      ?? textProblem(value, schema) ?? objectProblem(value, schema)
  }

  private static func typeProblem(_ value: JSON, _ schema: JSON) -> Problem? {
    let types = schema["type"]?.array?.compactMap(\.string) ?? schema["type"]?.string.map { [$0] } ?? []
    guard types.isEmpty || types.contains(where: { isType(value, $0) }) else {
      return Problem(text: "must be \(types.joined(separator: " or ")), not \(value.kind)")
    }
    if let known = schema["enum"]?.array, !known.contains(value) {
      return Problem(text: "is none of \(known.compactMap(\.string).filter { !$0.isEmpty }.joined(separator: ", "))")
    }
    return nil
  }

  private static func isType(_ value: JSON, _ type: String) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"): true
    case (.int, "number"), (.double, "number"), (.int, "integer"): true
    case (.double(let number), "integer"): number == number.rounded()
    default: false
    }
  }

  /// Of several ways the one that it is nearest to says what is wrong: the one of the same type.
  private static func waysProblem(_ value: JSON, _ schema: JSON) -> Problem? {
    guard let ways = schema["anyOf"]?.array else { return nil }
    var nearest: Problem?
    for way in ways {
      guard let problem = problem(value, way) else { return nil }
      if nearest == nil || typeProblem(value, way) == nil { nearest = problem }
    }
    guard let about = schema["description"]?.string, nearest?.path.isEmpty == true else { return nearest }
    return Problem(text: "does not fit: \(about)")
  }

  private static func numberProblem(_ value: JSON, _ schema: JSON) -> Problem? {
    guard let number = value.double else { return nil }
    let (least, most) = (schema["minimum"], schema["maximum"])
    guard number < least?.double ?? -.infinity || number > most?.double ?? .infinity else { return nil }
    let bounds = [least.map { "from \($0.text())" }, most.map { "to \($0.text())" }].compactMap(\.self)
    return Problem(text: "is not \(bounds.joined(separator: " "))")
  }

  private static func textProblem(_ value: JSON, _ schema: JSON) -> Problem? {
    guard let text = value.string else { return nil }
    // A character of JSON Schema is a code point.
    if let most = schema["maxLength"]?.int, text.unicodeScalars.count > most {
      return Problem(text: "is longer than \(most) characters")
    }
    if let least = schema["minLength"]?.int, text.unicodeScalars.count < least {
      return Problem(text: "is shorter than \(least) characters")
    }
    if let pattern = schema["pattern"]?.string, !Patterns.matches(text, pattern) {
      return Problem(text: schema["description"]?.string.map { "does not fit: \($0)" } ?? "does not match \(pattern)")
    }
    if schema["format"] == "date-time", TimeText.milliseconds(text) == nil {
      return Problem(text: "is no time such as 2026-11-21T10:00:00Z")
    }
    return nil
  }

  private static func objectProblem(_ value: JSON, _ schema: JSON) -> Problem? {
    guard let members = value.object else { return nil }
    if let least = schema["minProperties"]?.int, members.count < least {
      return Problem(text: "has less than \(least) members")
    }
    if let most = schema["maxProperties"]?.int, members.count > most {
      return Problem(text: "has more than \(most) members")
    }
    for name in schema["required"]?.array?.compactMap(\.string) ?? [] where members[name] == nil {
      return Problem(path: [name], text: "is missing")
    }
    let known = schema["properties"]?.object ?? [:]
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      if let names = schema["propertyNames"], problem(.string(name), names) != nil {
        return Problem(path: [name], text: "has a name that no member can have")
      }
      let others = schema["additionalProperties"] ?? true
      if known[name] == nil, others == false {
        return Problem(path: [name], text: "is unknown; known are \(known.keys.sorted().joined(separator: ", "))")
      }
      let inner = known[name] ?? others
      if inner.object != nil, let problem = problem(member, inner) { return problem.inside(name) }
    }
    return nil
  }
}

/// Regular expressions of the description: compiled once, as there are few of them.
private enum Patterns {
  private static let compiled = Mutex<[String: NSRegularExpression]>([:])

  /// Patterns of the description stand for the whole text: `$` alone would let a line break behind it pass.
  static func matches(_ text: String, _ pattern: String) -> Bool {
    let expression = compiled.withLock { known in
      if let expression = known[pattern] { return expression }
      guard let expression = try? NSRegularExpression(pattern: pattern) else {
        preconditionFailure("\(pattern) is no regular expression")
      }
      known[pattern] = expression
      return expression
    }
    let whole = NSRange(location: 0, length: text.utf16.count)
    return expression.firstMatch(in: text, options: .anchored, range: whole)?.range == whole
  }
}
