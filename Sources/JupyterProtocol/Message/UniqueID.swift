// Random identifiers, from the system's secure generator.

/// Makes UUIDs and keys.
public enum UniqueID {
  /// A random UUID (version 4) in lower case.
  public static func uuid() -> String {
    let high = UInt64.random(in: .min ... .max) & ~0xF000 | 0x4000
    let low = UInt64.random(in: .min ... .max) & ~(3 << 62) | 1 << 63
    let digits = hexadecimal(high) + hexadecimal(low)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  /// A key of 256 bits for signing, as hexadecimal digits.
  public static func key() -> String {
    (0..<4).map { _ in hexadecimal(UInt64.random(in: .min ... .max)) }.joined()
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
