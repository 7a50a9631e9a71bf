// Times as RFC 3339 has them, which is what the format `date-time` of JSON Schema means: 2026-11-21T10:00:00.5+01:00.

/// By hand, because ISO8601FormatStyle reads years of five digits, which are none here, and refuses offsets that are some.
enum TimeText {
  /// Milliseconds since 1970; nil if the text is no such time.
  static func milliseconds(_ text: String) -> Int64? {
    var rest = Substring(text).utf8[...]
    guard let day = day(&rest), take(&rest, "Tt"), let seconds = timeOfDay(&rest), let fraction = fraction(&rest),
      let offset = offset(&rest), rest.isEmpty
    else { return nil }
    return (day * 86_400 + seconds - offset) * 1000 + fraction
  }

  /// Days since 1970.
  private static func day(_ rest: inout Substring.UTF8View.SubSequence) -> Int64? {
    guard let year = number(&rest, digits: 4), take(&rest, "-"), let month = number(&rest, digits: 2, 1...12),
      take(&rest, "-"), let day = number(&rest, digits: 2, 1...31)
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard day <= lengths[Int(month) - 1] else { return nil }
    let before = lengths.prefix(Int(month) - 1).reduce(0, +)
    // Years before this one since the year 0, which is a leap year; 719528 days lie between it and 1970.
    let leaps = year == 0 ? 0 : (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1
    return year * 365 + leaps + before + day - 1 - 719_528
  }

  /// A leap second is the first of the next minute.
  private static func timeOfDay(_ rest: inout Substring.UTF8View.SubSequence) -> Int64? {
    guard let hour = number(&rest, digits: 2, 0...23), take(&rest, ":"), let minute = number(&rest, digits: 2, 0...59),
      take(&rest, ":"), let second = number(&rest, digits: 2, 0...60)
    else { return nil }
    return hour * 3600 + minute * 60 + second
  }

  /// In milliseconds; none is 0. What lies behind them is cut off.
  private static func fraction(_ rest: inout Substring.UTF8View.SubSequence) -> Int64? {
    guard take(&rest, ".") else { return 0 }
    let digits = rest.prefix(while: isDigit)
    rest = rest.dropFirst(digits.count)
    return digits.isEmpty ? nil : Int64((String(decoding: digits.prefix(3), as: UTF8.self) + "00").prefix(3))
  }

  /// In seconds.
  private static func offset(_ rest: inout Substring.UTF8View.SubSequence) -> Int64? {
    if take(&rest, "Zz") { return 0 }
    let isWest = rest.first == UInt8(ascii: "-")
    guard take(&rest, "+-"), let hour = number(&rest, digits: 2, 0...23), take(&rest, ":"),
      let minute = number(&rest, digits: 2, 0...59)
    else { return nil }
    return (hour * 3600 + minute * 60) * (isWest ? -1 : 1)
  }

  private static func number(
    _ rest: inout Substring.UTF8View.SubSequence, digits: Int, _ bounds: ClosedRange<Int64> = 0...9999
  ) -> Int64? {
    let text = rest.prefix(digits)
    guard text.count == digits, text.allSatisfy(isDigit) else { return nil }
    rest = rest.dropFirst(digits)
    return Int64(String(decoding: text, as: UTF8.self)).flatMap { bounds.contains($0) ? $0 : nil }
  }

  private static func take(_ rest: inout Substring.UTF8View.SubSequence, _ any: String) -> Bool {
    guard let first = rest.first, any.utf8.contains(first) else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
