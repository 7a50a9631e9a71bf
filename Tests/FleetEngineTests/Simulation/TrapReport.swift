// Says in which world the engine trapped: a trap ends the process, and the test runner knows no seed.
import Glibc

enum TrapReport {
  /// Of the world that runs. One thread writes it, and the signal handler on the same thread reads it.
  nonisolated(unsafe) static var seed: UInt64 = 0

  static func install() {
    for number in [SIGILL, SIGTRAP] { signal(number, handle) }
  }

  private static let handle: @convention(c) (Int32) -> Void = { number in
    // Digits by hand: nothing here may allocate.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { line in
      var used = 0
      for byte: UInt8 in StaticText.bytes {
        line[used] = byte
        used += 1
      }
      var divisor: UInt64 = 10_000_000_000_000_000_000
      while divisor > 0 {
        line[used] = UInt8(ascii: "0") + UInt8(TrapReport.seed / divisor % 10)
        used += 1
        divisor /= 10
      }
      line[used] = UInt8(ascii: "\n")
      write(2, line.baseAddress, used + 1)
    }
    signal(number, SIG_DFL)
    raise(number)
  }

  private enum StaticText {
    static let bytes: StaticBytes = StaticBytes("the engine trapped: FLEET_SEED=")
  }
}

/// The bytes of a literal, without a copy of it.
private struct StaticBytes: Sequence, IteratorProtocol {
  private let text: StaticString
  private var next_ = 0

  init(_ text: StaticString) { self.text = text }

  mutating func next() -> UInt8? {
    guard next_ < text.utf8CodeUnitCount else { return nil }
    defer { next_ += 1 }
    return text.utf8Start[next_]
  }
}
