// Who a kernel is: a UUID, of which the first eight digits make the id that people type.

/// The identity of a kernel for all of its life, restarts included.
public struct KernelID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// A lower-case UUID, `8-4-4-4-12` hexadecimal digits.
  public let uuid: String

  /// Nil if the text is no UUID.
  public init?(uuid: String) {
    guard uuid.utf8.count == 36 else { return nil }
    for (index, byte) in uuid.utf8.enumerated() {
      let isHyphen = [8, 13, 18, 23].contains(index)
      guard isHyphen ? byte == 0x2D : Self.isHexDigit(byte) else { return nil }
    }
    self.uuid = uuid.lowercased()
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }

  /// `kernel-` and the first eight digits of the UUID.
  public var description: String { "kernel-" + uuid.prefix(8) }

  public static func < (a: KernelID, b: KernelID) -> Bool { a.uuid < b.uuid }
}

/// What a kernel may be called: `[A-Za-z][A-Za-z0-9._-]{0,62}`, and never like an id.
public enum KernelName {
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
