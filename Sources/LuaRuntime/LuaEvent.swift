// Wakes a thread that waits for work.

import CLua

/// Something that one thread waits for and any thread signals. A signal before the wait is remembered, once.
///
/// Unchecked because the C object behind it is atomic.
public final class LuaEvent: @unchecked Sendable {
  private let handle: OpaquePointer

  public init() {
    guard let handle = clua_event_create() else { fatalError("not enough memory for four bytes") }
    self.handle = handle
  }

  deinit { clua_event_destroy(handle) }

  public func signal() { clua_event_signal(handle) }

  /// Returns once it has been signalled since the last return.
  public func wait() { clua_event_wait(handle) }
}
