// Timers that work when a host has no descriptor left. libdispatch makes a timerfd for each clock when the clock's first
// timer is set, and traps when it cannot (measured): a host that runs out of descriptors before would end there.
import Dispatch

public enum TimerClocks {
  /// Sets a timer on each clock, so that their descriptors are there from now on. Returns when all have fired.
  public static func prepare() async {
    let queue = DispatchQueue(label: "fleet.host.clocks")
    await withCheckedContinuation { continuation in
      queue.asyncAfter(deadline: .now() + .nanoseconds(1)) { continuation.resume() }
    }
    await withCheckedContinuation { continuation in
      queue.asyncAfter(wallDeadline: .now() + .nanoseconds(1)) { continuation.resume() }
    }
    // Its own task is never cancelled; and if it were, the timer was set.
    try? await Task.sleep(for: .nanoseconds(1))
    try? await Task.sleep(for: .nanoseconds(1), clock: .suspending)
  }
}
