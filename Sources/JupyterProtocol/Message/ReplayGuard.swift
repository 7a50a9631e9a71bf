// Refuses messages that were seen before: a bounded memory of signatures.
import Synchronization

/// The signatures that a kernel has accepted lately. Shared by its channels, so that a message recorded on one cannot
/// be played back on another.
public final class ReplayGuard: Sendable {
  private struct Recent {
    var seen: Set<SIMD2<UInt64>> = []
    var order: [SIMD2<UInt64>] = []
    var next = 0
  }

  private let capacity: Int
  private let recent = Mutex(Recent())

  /// - Parameter capacity: how many signatures are remembered; the oldest is forgotten first. Each takes about 40 bytes.
  public init(capacity: Int = 4096) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Remembers a signature.
  /// - Returns: false if it is remembered already.
  public func accept(_ signature: [UInt8]) -> Bool {
    let key = ReplayGuard.key(signature)
    return recent.withLock { recent in
      guard recent.seen.insert(key).inserted else { return false }
      if recent.order.count < capacity {
        recent.order.append(key)
      } else {
        recent.seen.remove(recent.order[recent.next])
        recent.order[recent.next] = key
        recent.next = (recent.next + 1) % capacity
      }
      return true
    }
  }

  /// The first 128 bits of a valid signature: as hard to collide by chance as a UUID, at a quarter of the memory.
  private static func key(_ signature: [UInt8]) -> SIMD2<UInt64> {
    var key = SIMD2<UInt64>(0, 0)
    for (index, byte) in signature.prefix(32).enumerated() {
      let value = UInt64(byte <= 57 ? byte &- 48 : byte &- 87) & 15
      key[index / 16] = key[index / 16] << 4 | value
    }
    return key
  }
}
