// The text format that Prometheus scrapes.

/// Metric families in the text format 0.0.4 of Prometheus: a family's name, help and type once, then its samples.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
struct Exposition {
  enum Kind: String { case gauge, counter, summary }

  private(set) var text = ""
  private var family = ""

  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    family = name
    text += "# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  /// A sample of the family that was opened last.
  /// - Parameter value: nothing is written for nil: what is not known is no zero.
  mutating func sample(_ value: Double?, _ labels: [(name: String, value: String)] = []) {
    guard let value else { return }
    text += family
    if !labels.isEmpty {
      let pairs = labels.map { "\($0.name)=\"\(Self.escape($0.value, quotes: true))\"" }
      text += "{\(pairs.joined(separator: ","))}"
    }
    text += " \(Self.number(value))\n"
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private static func escape(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
