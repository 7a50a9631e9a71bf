// Sizes of memory and files as people write them: "512M", "1.5G", "64KiB", or plain bytes.

/// A number of bytes. K, M, G and T are powers of 1024, with or without `B` or `iB` behind them.
public struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let bytes: Int64

  public init(bytes: Int64) { self.bytes = bytes }

  /// The texts that are sizes, as a regular expression; some are too large to be one.
  public static let pattern = "^([0-9]+( ?[Bb])?|[0-9]+(\\.[0-9]+)? ?[KMGTkmgt]([Ii]?[Bb])?)$"

  private static let units: [(letter: Character, factor: Int64)] = [
    ("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10),
  ]

  public init(parsing text: String) throws(ValueError) {
    let complaint = ValueError(
      "\"\(text)\" is no size; write bytes or a number with K, M, G or T, such as 512M or 1.5G")
    // A space may stand before the unit, as people write it, and nowhere else.
    let word = text
    let number = word.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let rest = word.dropFirst(number.count)
    var unit = (rest.first == " " && rest.count > 1 ? rest.dropFirst() : rest).uppercased()[...]
    if unit.hasSuffix("IB"), unit.count == 3 {
      unit = unit.dropLast(2)
    } else if unit.hasSuffix("B") {
      unit = unit.dropLast()
    }
    let factor: Int64
    if unit.isEmpty {
      factor = 1
    } else {
      guard unit.count == 1, let known = Self.units.first(where: { unit.first == $0.letter }) else { throw complaint }
      factor = known.factor
    }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 1 || parts.count == 2 && factor > 1 && !parts[1].isEmpty, let whole = parts.first,
      !whole.isEmpty, let value = Double(number)
    else { throw complaint }
    let tooLarge = ValueError("\"\(text)\" is more bytes than a machine can address")
    if parts.count == 1 {
      guard let exact = Int64(whole), case let (product, overflow) = exact.multipliedReportingOverflow(by: factor),
        !overflow
      else { throw tooLarge }
      bytes = product
    } else {
      guard let rounded = Int64(exactly: (value * Double(factor)).rounded(.down)) else { throw tooLarge }
      bytes = rounded
    }
  }

  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

  /// As it is written in a configuration, exactly: "512M", "1.5G", "1000".
  public var description: String {
    for (letter, factor) in Self.units where bytes >= factor {
      if bytes % factor == 0 { return "\(bytes / factor)\(letter)" }
      if bytes % (factor / 4) == 0 {
        let quarters = ["", ".25", ".5", ".75"][Int(bytes % factor / (factor / 4))]
        return "\(bytes / factor)\(quarters)\(letter)"
      }
    }
    return String(bytes)
  }

  /// For people, rounded to a tenth: "64 MiB", "1.4 GiB", "700 B".
  public var spelled: String {
    guard let (letter, factor) = Self.units.first(where: { bytes >= $0.factor }) else { return "\(bytes) B" }
    let tenths = Int64((Double(bytes) / Double(factor) * 10).rounded())
    return "\(tenths / 10)\(tenths % 10 == 0 ? "" : ".\(tenths % 10)") \(letter)iB"
  }
}
