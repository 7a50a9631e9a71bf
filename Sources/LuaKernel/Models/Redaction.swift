// A key never leaves the kernel: where a server repeats it, it is covered, also when it comes in pieces.

/// Replaces a secret in texts.
struct Redaction: Sendable {
  static let cover = "[redacted]"
  /// Shorter keys are words such as `none` for servers that want some key.
  static let shortest = 8

  private let secret: [UInt8]
  /// The end of the pieces so far, which may be the beginning of the secret.
  private var held: [UInt8] = []

  init(_ secret: String?) {
    let bytes = Array((secret ?? "").utf8)
    self.secret = bytes.count >= Redaction.shortest ? bytes : []
  }

  /// A text without the secret.
  func covering(_ text: String) -> String {
    var copy = Redaction(secret)
    return copy.take(text) + copy.finish()
  }

  private init(_ secret: [UInt8]) { self.secret = secret }

  /// The next piece of a text, without what has to wait for the piece after it.
  mutating func take(_ piece: String) -> String {
    guard !secret.isEmpty else { return piece }
    let bytes = held + piece.utf8
    var out: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let common = zip(bytes[index...], secret).prefix { $0 == $1 }.count
      if common == secret.count {
        out += Redaction.cover.utf8
        index += common
      } else if common > 0, index + common == bytes.count {
        break
      } else {
        out.append(bytes[index])
        index += 1
      }
    }
    held = Array(bytes[index...])
    return String(decoding: out, as: UTF8.self)
  }

  /// What was held back, when nothing follows.
  mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}
