// Booleans, numbers, dates and times of TOML.

enum TOMLScalar {
  /// The value that a word stands for; nil if it is none.
  static func content(of text: String) -> TOMLNode.Content? {
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "inf", "+inf": return .float(.infinity)
    case "-inf": return .float(-.infinity)
    case "nan", "+nan", "-nan": return .float(.nan)
    default: break
    }
    let bytes = Array(text.utf8)
    if let integer = integer(bytes) { return .integer(integer) }
    if let float = float(bytes) { return .float(float) }
    return isDateTime(bytes[...]) ? .dateTime(text) : nil
  }

  private static func integer(_ bytes: [UInt8]) -> Int64? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where bytes.starts(with: prefix.utf8) {
      return digits(bytes.dropFirst(2), radix: radix).flatMap { Int64($0, radix: radix) }
    }
    let signed = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
    guard let plain = decimal(bytes[(signed ? 1 : 0)...]) else { return nil }
    return Int64((bytes.first == UInt8(ascii: "-") ? "-" : "") + plain)
  }

  private static func float(_ bytes: [UInt8]) -> Double? {
    let signed = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
    var rest = bytes[(signed ? 1 : 0)...]
    let whole = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
    guard let plain = decimal(whole) else { return nil }
    var text = (bytes.first == UInt8(ascii: "-") ? "-" : "") + plain
    rest = rest.dropFirst(whole.count)
    guard !rest.isEmpty else { return nil }  // an integer that is too large is not rounded
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
      guard let plain = digits(fraction, radix: 10) else { return nil }
      text += "." + plain
      rest = rest.dropFirst(1 + fraction.count)
    }
    if !rest.isEmpty {
      let sign = rest.dropFirst().first
      let signed = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
      guard let plain = digits(rest.dropFirst(signed ? 2 : 1), radix: 10) else { return nil }
      text += "e" + (sign == UInt8(ascii: "-") ? "-" : "") + plain
    }
    return Double(text)
  }

  /// Digits without a needless leading zero.
  private static func decimal(_ bytes: ArraySlice<UInt8>) -> String? {
    guard let plain = digits(bytes, radix: 10), plain.utf8.count == 1 || plain.utf8.first != UInt8(ascii: "0") else {
      return nil
    }
    return plain
  }

  /// Digits with underscores only between two of them; nil if there is anything else, or nothing.
  private static func digits(_ bytes: ArraySlice<UInt8>, radix: Int) -> String? {
    var text = ""
    var previousIsDigit = false
    for byte in bytes {
      if byte == UInt8(ascii: "_") {
        guard previousIsDigit else { return nil }
        previousIsDigit = false
      } else {
        let character = Character(Unicode.Scalar(byte))
        guard let value = character.hexDigitValue, value < radix else { return nil }
        text.append(character)
        previousIsDigit = true
      }
    }
    return previousIsDigit ? text : nil
  }

  static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let (_, month, day) = numbers(bytes, lengths: (4, 2, 2), separator: UInt8(ascii: "-")) else { return false }
    return (1...12).contains(month) && (1...31).contains(day)
  }

  private static func isDateTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    if isDate(bytes) || isTime(bytes) { return true }
    guard bytes.count > 11, isDate(bytes.prefix(10)) else { return false }
    let separator = bytes[bytes.startIndex + 10]
    guard [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(separator) else { return false }
    var time = bytes.dropFirst(11)
    if let last = time.last, last == UInt8(ascii: "Z") || last == UInt8(ascii: "z") {
      time = time.dropLast()
    } else if let sign = time.dropFirst(8).firstIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }) {
      guard isTime(Array(time[(sign + 1)...] + Array(":00".utf8))[...]) else { return false }
      time = time[..<sign]
    }
    return isTime(time)
  }

  private static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let (hour, minute, second) = numbers(bytes.prefix(8), lengths: (2, 2, 2), separator: UInt8(ascii: ":")),
      hour < 24, minute < 60, second <= 60
    else { return false }
    let rest = bytes.dropFirst(8)
    return rest.isEmpty
      || rest.first == UInt8(ascii: ".") && rest.count > 1 && rest.dropFirst().allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
  }

  private static func numbers(
    _ bytes: ArraySlice<UInt8>, lengths: (Int, Int, Int), separator: UInt8
  ) -> (Int, Int, Int)? {
    let parts = bytes.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count == lengths.0, parts[1].count == lengths.1, parts[2].count == lengths.2,
      parts.allSatisfy({ $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } })
    else { return nil }
    let values = parts.map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }  // two or four digits always fit
    return (values[0], values[1], values[2])
  }
}
