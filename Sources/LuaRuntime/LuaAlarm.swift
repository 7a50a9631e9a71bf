// A call at a given moment, for whoever waits for a thread that runs Lua and must not wait longer than that.

import CLua

/// Calls a function on the watchdog's thread once a moment has passed.
///
/// Unchecked because the C object behind it is atomic and guarded by the watchdog's lock.
public final class LuaAlarm: @unchecked Sendable {
  private let ring: @Sendable () -> Void
  private var handle: OpaquePointer!  // set once, before anyone else has this object

  /// - Parameter ring: must be quick, and must neither make nor release states, nor make alarms.
  /// - Throws: `.memory` when there is no memory or no thread.
  public init(_ ring: @escaping @Sendable () -> Void) throws(LuaError) {
    self.ring = ring
    guard let handle = clua_alarm_create(ringAlarm, Unmanaged.passUnretained(self).toOpaque()) else {
      throw LuaError(.memory, "the watchdog's thread could not be started")
    }
    self.handle = handle
  }

  deinit {
    if let handle { clua_alarm_destroy(handle) }
  }

  /// - Parameter moment: in nanoseconds of CLOCK_MONOTONIC, replacing the one before; nil turns it off.
  public func set(_ moment: Int64?) { clua_alarm_set(handle, moment ?? 0) }

  fileprivate func call() { ring() }
}

private func ringAlarm(_ context: UnsafeMutableRawPointer) {
  Unmanaged<LuaAlarm>.fromOpaque(context).takeUnretainedValue().call()
}
