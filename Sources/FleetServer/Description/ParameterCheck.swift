// Whether the text of a parameter can be what its schema says. What is not said here, the route itself looks at.
import FleetEngine
import JSON

enum ParameterCheck {
  /// - Throws: `badRequest`, which says what it should be.
  static func check(_ name: String, _ text: String, _ schema: JSON) throws(EngineError) {
    guard let problem = problem(text, schema) else { return }
    throw EngineError(.badRequest, "\(name)=\(text.prefix(100)) is \(problem)")
  }

  private static func problem(_ text: String, _ schema: JSON) -> String? {
    if let ways = schema["anyOf"]?.array {
      // A number is held to the bounds of numbers, whatever else it could be as a text.
      let numeric = ways.filter { $0["type"] == "number" || $0["type"] == "integer" }
      let relevant = Double(text) != nil && !numeric.isEmpty ? numeric : ways.filter { !numeric.contains($0) }
      return relevant.compactMap { problem(text, $0) }.count == relevant.count ? problem(text, relevant[0]) : nil
    }
    if let names = schema["enum"]?.array?.compactMap(\.string) {
      // `?force` alone is what `?force=1` is.
      let isFlag = schema == Schema.flag && text.isEmpty
      return names.contains(text) || isFlag ? nil : "none of \(names.joined(separator: ", "))"
    }
    switch schema["type"]?.string {
    case "integer": return Int(text).map { bounds(Double($0), schema) } ?? "no whole number"
    case "number": return Double(text).map { bounds($0, schema) } ?? "no number"
    default:
      let most = schema["maxLength"]?.int ?? .max
      return text.unicodeScalars.count > most ? "longer than \(most) characters" : nil
    }
  }

  private static func bounds(_ value: Double, _ schema: JSON) -> String? {
    let (least, most) = (schema["minimum"]?.double ?? -.infinity, schema["maximum"]?.double ?? .infinity)
    return value >= least && value <= most ? nil : "not from \(JSON(least).text()) to \(JSON(most).text())"
  }
}
