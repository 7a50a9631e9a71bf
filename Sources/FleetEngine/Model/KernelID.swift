// Who a kernel is: a UUID, of which the first eight digits make the id that people type.

/// The identity of a kernel for all of its life, restarts included. It is two words and no text, because every look at a
/// kernel begins with it.
public struct KernelID: Sendable, Hashable, Comparable, CustomStringConvertible {
  private let high: UInt64
  private let low: UInt64

  /// Nil if the text is no UUID.
  public init?(uuid: String) {
    var uuid = uuid
    let words: (UInt64, UInt64)? = uuid.withUTF8 { text in
      guard text.count == 36 else { return nil }
      var (high, low): (UInt64, UInt64) = (0, 0)
      for index in 0..<36 {
        if Self.isHyphen(index) {
          guard text[index] == 0x2D else { return nil }
          continue
        }
        guard let digit = Self.digit(text[index]) else { return nil }
        high = high << 4 | low >> 60
        low = low << 4 | digit
      }
      return (high, low)
    }
    guard let words else { return nil }
    (high, low) = words
  }

  /// A lower-case UUID, `8-4-4-4-12` hexadecimal digits.
  public var uuid: String { text(digits: 32) }

  /// `kernel-` and the first eight digits of the UUID.
  public var description: String { "kernel-" + text(digits: 8) }

  private static func isHyphen(_ index: Int) -> Bool { index == 8 || index == 13 || index == 18 || index == 23 }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte - 0x30)
    case 0x61...0x66: UInt64(byte - 0x61 + 10)
    case 0x41...0x46: UInt64(byte - 0x41 + 10)
    default: nil
    }
  }

  private func text(digits count: Int) -> String {
    String(unsafeUninitializedCapacity: 36) { text in
      var end = 0
      for place in 0..<count {
        if Self.isHyphen(end) {
          text[end] = 0x2D
          end += 1
        }
        let digit = UInt8((place < 16 ? high : low) >> UInt64(60 - 4 * (place & 15)) & 15)
        text[end] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
        end += 1
      }
      return end
    }
  }

  public static func < (a: KernelID, b: KernelID) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// What a kernel may be called: `[A-Za-z][A-Za-z0-9._-]{0,62}`, and never like an id.
public enum KernelName {
  /// The same as a regular expression, which cannot say that a name is not like an id.
  public static let pattern = "^[A-Za-z][A-Za-z0-9._-]{0,62}$"

  /// Why the name is not allowed, as a sentence; nil if it is.
  public static func problem(with name: String) -> String? {
    let isLetter = { (byte: UInt8) in (65...90).contains(byte) || (97...122).contains(byte) }
    let isMore = { (byte: UInt8) in isLetter(byte) || (48...57).contains(byte) || [0x2E, 0x5F, 0x2D].contains(byte) }
    guard let first = name.utf8.first, isLetter(first), name.utf8.count <= 63, name.utf8.allSatisfy(isMore) else {
      return "the name '\(name)' is not allowed: use a letter, then up to 62 letters, digits, '.', '_' or '-'"
    }
    let digits = name.dropFirst("kernel-".count)
    if name.hasPrefix("kernel-"), digits.utf8.count == 8, digits.allSatisfy(\.isHexDigit) {
      return "the name '\(name)' looks like a kernel's id; choose another"
    }
    return KernelID(uuid: name) == nil ? nil : "the name '\(name)' looks like a UUID; choose another"
  }
}
