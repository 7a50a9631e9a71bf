// Signatures of messages: HMAC-SHA256 over the four JSON parts, in lower-case hexadecimal.
import Crypto

/// Signs and checks messages with the key of a connection file.
public struct Signer: Sendable {
  /// A started HMAC, so that the key is hashed once and not for each message; nil for an empty key: no signing.
  private let keyed: HMAC<SHA256>?

  public init(key: String) {
    keyed = key.isEmpty ? nil : HMAC<SHA256>(key: SymmetricKey(data: Array(key.utf8)))
  }

  /// Whether messages carry signatures at all.
  public var isSigning: Bool { keyed != nil }

  /// The signature of the parts, 64 hexadecimal digits; empty when there is no key.
  public func signature(of parts: some Sequence<[UInt8]>) -> [UInt8] {
    guard var code = keyed else { return [] }
    for part in parts { part.withUnsafeBytes { code.update(data: $0) } }
    return code.finalize().withUnsafeBytes { Signer.hexadecimal($0) }
  }

  /// Whether `signature` is that of the parts, compared in a time that does not depend on where they differ.
  public func isValid(_ signature: [UInt8], for parts: some Sequence<[UInt8]>) -> Bool {
    guard isSigning else { return true }
    let expected = self.signature(of: parts)
    guard expected.count == signature.count else { return false }
    var difference: UInt8 = 0
    for index in expected.indices { difference |= expected[index] ^ signature[index] }
    return difference == 0
  }

  private static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { out, count in
      for (index, byte) in bytes.enumerated() {
        out[2 * index] = digit(byte >> 4)
        out[2 * index + 1] = digit(byte & 15)
      }
      count = bytes.count * 2
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
