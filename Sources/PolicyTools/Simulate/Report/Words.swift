// Numbers as people read them.

enum Words {
  /// With so many digits after the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale: Int64 = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int64((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + grouped(scaled) }
    let fraction = String(scale + scaled % scale).dropFirst()
    return "\(sign)\(grouped(scaled / scale)).\(fraction)"
  }

  static func count(_ number: Int) -> String { number < 0 ? "-\(grouped(Int64(-number)))" : grouped(Int64(number)) }

  /// "12,345".
  private static func grouped(_ number: Int64) -> String {
    let digits = String(number)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// "0 ms", "850 ms", "1.20 s", "2m05s", "1h02m".
  static func time(_ seconds: Double) -> String {
    if seconds < 0.0995 { return fixed(seconds * 1000, seconds == 0 || seconds >= 0.00995 ? 0 : 1) + " ms" }
    if seconds < 0.9995 { return fixed(seconds * 1000, 0) + " ms" }
    if seconds < 99.995 { return fixed(seconds, 2) + " s" }
    let whole = Int(seconds.rounded())
    func pair(_ large: Int, _ letter: String, _ small: Int, _ smallLetter: String) -> String {
      small == 0 ? "\(large)\(letter)" : "\(large)\(letter)\(small < 10 ? "0" : "")\(small)\(smallLetter)"
    }
    if whole < 3600 { return pair(whole / 60, "m", whole % 60, "s") }
    if whole < 2 * 86_400 { return pair(whole / 3600, "h", whole % 3600 / 60, "m") }
    return pair(whole / 86_400, "d", whole % 86_400 / 3600, "h")
  }

  /// A share: "97.2 %", and with more digits where they matter: "99.93 %".
  static func percent(_ share: Double) -> String {
    let percent = share * 100
    let isExtreme = percent > 99 && percent < 100 || percent > 0 && percent < 1
    return fixed(percent, isExtreme ? 2 : 1) + " %"
  }

  /// The most frequent first, at most so many, and how many more there are.
  static func top(_ counts: [String: Int], _ limit: Int) -> (first: [(text: String, count: Int)], others: Int) {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (text: $0.key, count: $0.value) }
    return (Array(sorted.prefix(limit)), max(0, sorted.count - limit))
  }
}
