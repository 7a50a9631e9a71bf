// Refuses messages that were seen before: a bounded memory of signatures.
import Synchronization

/// The signatures that a kernel has accepted lately. Shared by its channels, so that a message recorded on one cannot
/// be played back on another.
public final class ReplayGuard: Sendable {
  /// Two sets, of which the older is forgotten as a whole: half the memory of one that also keeps an order.
  private struct Recent {
    var newer: Set<UInt64> = []
    var older: Set<UInt64> = []
  }

  private let capacity: Int
  private let recent = Mutex(Recent())

  /// - Parameter capacity: how many of the latest signatures are remembered at least; at most twice as many are. Each
  ///   takes about 16 bytes.
  public init(capacity: Int = 3072) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Remembers a signature.
  /// - Returns: false if it is remembered already.
  public func accept(_ signature: [UInt8]) -> Bool {
    let key = ReplayGuard.key(signature)
    return recent.withLock { recent in
      guard !recent.older.contains(key), recent.newer.insert(key).inserted else { return false }
      if recent.newer.count == capacity {
        swap(&recent.newer, &recent.older)
        recent.newer.removeAll(keepingCapacity: true)
      }
      return true
    }
  }

  /// The first 64 bits of a valid signature: a message that is not a replay is taken for one by chance once in 10¹⁵.
  private static func key(_ signature: [UInt8]) -> UInt64 {
    signature.prefix(16).reduce(0) { key, byte in
      key << 4 | UInt64(byte <= 57 ? byte &- 48 : byte &- 87) & 15
    }
  }
}
