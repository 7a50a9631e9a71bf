// Lengths of time as people write them: "500ms", "2s", "1m30s", "24h"; a bare number is seconds.

public enum DurationText {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// Exact to the microsecond.
  public static func parse(_ text: String) throws(ValueError) -> Duration {
    let complaint = ValueError("\"\(text)\" is no length of time; write it as 500ms, 2s, 1m30s or 24h")
    var rest = text[...]
    var total: Double = 0
    repeat {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      guard let value = Double(number), number.first != ".", number.last != "." else { throw complaint }
      rest = rest.dropFirst(number.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      if unit.isEmpty, number.count == text.count {
        total = value * 1000
      } else {
        guard let known = units.first(where: { $0.name == unit }) else { throw complaint }
        total += value * Double(known.milliseconds)
      }
    } while !rest.isEmpty
    // A thousand years: beyond it is a mistake, and Duration's own range is far away.
    guard total < 3.2e13 else { throw ValueError("\"\(text)\" is longer than a thousand years") }
    return .microseconds(Int64((total * 1000).rounded()))
  }

  /// In the spelling that `parse` reads: "1m30s", "500ms", "0s".
  public static func format(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    var milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    let microseconds = attoseconds / 1_000_000_000_000 % 1000
    var text = ""
    for (name, unit) in units.reversed() where unit > 1 && milliseconds >= unit {
      text += "\(milliseconds / unit)\(name)"
      milliseconds %= unit
    }
    if microseconds > 0 {
      let digits = String(1000 + microseconds).dropFirst()
      text += "\(milliseconds).\(digits)ms"
    } else if milliseconds > 0 {
      text += "\(milliseconds)ms"
    }
    return text.isEmpty ? "0s" : text
  }
}
