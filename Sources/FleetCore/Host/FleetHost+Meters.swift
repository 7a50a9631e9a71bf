// Everything that happens to kernels passes the host, and is counted here.
import FleetEngine

extension FleetHost {
  /// Tells the engine, and counts what came of it.
  func metered(_ event: Event) -> [Effect] {
    let (id, now) = (event.kernel, now)
    let busySince = id.flatMap { engine.kernels[$0]?.busySince }
    let effects = engine.handle(event, now: now)
    eventsHandled += 1
    if case .launched = event { lastLaunch = now }
    life.observe(event, effects, busySince: busySince, now: now) { engine.kernels[$0] }
    return effects
  }

  /// How long a kernel was busy so far, with what it runs now.
  func busyTime(_ kernel: Kernel) -> Duration { life.busy(kernel, now: now) }
}
