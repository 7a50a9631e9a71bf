// How many descriptors measuring may keep open: kernels need them more.
import Glibc
import Synchronization

/// A number of descriptors, shared by all meters of a host. Whoever gets none opens and closes what it reads each time.
public final class DescriptorBudget: Sendable {
  private let left: Mutex<Int>

  public init(_ descriptors: Int) { left = Mutex(descriptors) }

  /// A quarter of what this process may have open.
  public static func ofThisProcess() -> DescriptorBudget {
    DescriptorBudget(OpenFiles.limit.map { Int(clamping: $0.rlim_cur / 4) } ?? 256)
  }

  /// All of them or none.
  func take(_ count: Int) -> Bool {
    left.withLock { left in
      if left < count { return false }
      left -= count
      return true
    }
  }

  func give(_ count: Int) { left.withLock { $0 += count } }
}
