// Series of samples in the notation of promtool's unit tests: `'0x3 5+10x6 _ stale'`.

import FleetConfiguration

/// One value for each step of a test; after the last, the last one holds.
struct Series: Sendable, Hashable {
  /// Nil where nothing is known.
  private(set) var values: [Double?] = []

  /// More is a mistake.
  static let longest = 1_000_000

  /// Parts, parted by blanks: `a`; `axn`, n more of the same; `a+bxn` and `a-bxn`, n more, each b further; `_` and `_xn`,
  /// one or n steps without news, in which the last value holds; `stale`, from where on the value is not known. Numbers
  /// may have a unit of bytes, such as 512M.
  init(parsing text: String) throws(ValueError) {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard !parts.isEmpty else { throw ValueError("a series needs at least one value, such as '0x3 5+10x6'") }
    for part in parts {
      var scanner = Scanner(part)
      try scanner.append(to: &values)
      if values.count > Self.longest { throw ValueError("a series has at most \(Self.longest) values") }
    }
  }

  subscript(step: Int) -> Double? { values[min(step, values.count - 1)] }

  var count: Int { values.count }

  /// Whether a text is meant as a series, rather than as a size or a length of time.
  static func isMeant(by text: String) -> Bool {
    text.contains { $0.isWhitespace || $0 == "_" || $0 == "x" || $0 == "+" } || text == "stale" || Double(text) != nil
  }
}

private struct Scanner {
  private let part: Substring
  private var rest: Substring

  init(_ part: Substring) {
    self.part = part
    rest = part
  }

  mutating func append(to values: inout [Double?]) throws(ValueError) {
    if part == "stale" { return values.append(nil) }
    if part.first == "_" {
      rest = rest.dropFirst()
      let count = try times() ?? 1
      values += repeatElement(values.last ?? nil, count: count)
      return
    }
    let start = try number()
    var step = 0.0
    if let sign = rest.first, sign == "+" || sign == "-" {
      rest = rest.dropFirst()
      step = try number() * (sign == "-" ? -1 : 1)
      guard rest.first == "x" else { throw complaint("says no number of steps: write \(part)x10") }
    }
    let count = try times() ?? 0
    for index in 0...count { values.append(start + Double(index) * step) }
  }

  /// `x10` at the end.
  private mutating func times() throws(ValueError) -> Int? {
    guard let mark = rest.first else { return nil }
    guard mark == "x", let count = Int(rest.dropFirst()), count >= 0 else { throw complaint("is no part of a series") }
    guard count < Series.longest else { throw complaint("repeats more than \(Series.longest) times") }
    return count
  }

  private mutating func number() throws(ValueError) -> Double {
    var digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    if digits.isEmpty, let sign = rest.first, sign == "-" || sign == "+" {
      digits = rest.prefix(1 + rest.dropFirst().prefix { $0.isASCII && $0.isNumber || $0 == "." }.count)
    }
    guard let value = Double(digits) else { throw complaint("is no part of a series") }
    rest = rest.dropFirst(digits.count)
    let unit = rest.prefix { "KMGTiB".contains($0) }
    guard !unit.isEmpty else { return value }
    rest = rest.dropFirst(unit.count)
    let one: Int64
    do throws(ValueError) { one = try ByteCount(parsing: "1\(unit)").bytes } catch {
      throw complaint("has no such unit")
    }
    return value * Double(one)
  }

  private func complaint(_ what: String) -> ValueError {
    ValueError("\"\(part)\" \(what); parts are 5, 5x3, 5+10x6, 5-1x2, _, _x3 and stale")
  }
}
