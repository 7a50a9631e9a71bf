// What a policy logs, within bounds.

/// Passes lines on to the host's log, so many for one decision. Confined to the thread of its policy.
final class LogLimiter {
  private static let longest = 4096
  private static let most = 64

  private let log: (String) -> Void
  private var lines = 0

  init(_ log: @escaping (String) -> Void) { self.log = log }

  /// A new decision begins.
  func reset() { lines = 0 }

  func write(_ bytes: UnsafeRawBufferPointer) {
    lines += 1
    guard lines <= Self.most else { return }
    var line = bytes.prefix(Self.longest)
    if line.last == UInt8(ascii: "\n") { line = line.dropLast() }
    let text = String(decoding: line, as: UTF8.self)
    log(lines == Self.most ? text + " (what it logs further in this decision is left out)" : text)
  }

  /// About the policy, not from it, and whatever was written before.
  func write(_ text: String) { log(text) }
}
