// Whether the text of a parameter can be what its schema says.
import FleetEngine
import JSON

enum ParameterCheck {
  /// - Throws: `badRequest`, which says what it should be.
  static func check(_ name: String, _ text: String, _ schema: JSON) throws(EngineError) {
    guard let problem = problem(text, schema) else { return }
    throw EngineError(.badRequest, "\(name)=\(text.prefix(100)) \(problem)")
  }

  /// A text that is a number may be meant as one.
  private static func problem(_ text: String, _ schema: JSON) -> String? {
    let number = schema["type"] == "string" ? nil : number(text)
    let problems = [number, .string(text)].compactMap(\.self).map { SchemaCheck.problem($0, schema) }
    if problems.contains(nil) { return nil }
    switch schema["type"] {
    case "integer" where problems.count == 1: return "is no whole number"
    case "number" where problems.count == 1: return "is no number"
    default: return problems.first??.text
    }
  }

  /// As JSON writes numbers, and nothing else that Swift would read as one: no sign in front, no `inf`, no space.
  private static func number(_ text: String) -> JSON? {
    let isPlain = text.utf8.count <= 100 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    // What is no JSON is no number, which is all that is asked here.
    guard isPlain, let value = try? JSON(parsing: text), value.double != nil else { return nil }
    return value
  }
}
