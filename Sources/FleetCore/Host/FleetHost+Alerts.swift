// Alerts: what the engine says of them, shown and told.
import FleetEngine
import JSON

extension FleetHost {
  /// The document of `GET /alerts`: pending, firing, and those that were resolved lately.
  public func alerts() async -> JSON {
    await whenOpen()
    return ["alerts": .array(engine.alerts.map { view($0).json })]
  }

  func notify(_ changes: [AlertChange]) {
    notifier.tell(changes.map { view($0.alert) }, now: Self.wallMilliseconds())
    repeatAlerts()
  }

  /// As long as one fires.
  private func repeatAlerts() {
    guard notifier.mustRepeat, repeating == nil, !firing.isEmpty else { return }
    repeating = Task { [weak self] in
      repeat {
        // Cancelled when the host leaves.
        try? await Task.sleep(for: AlertNotifier.repetition)
      } while await self?.repeatOnce() == true
    }
  }

  private func repeatOnce() -> Bool {
    guard !Task.isCancelled, case .open = phase, !firing.isEmpty else {
      repeating = nil
      return false
    }
    notifier.repeat(firing, now: Self.wallMilliseconds())
    return true
  }

  private var firing: [AlertView] { engine.alerts.filter { $0.state == .firing }.map(view) }

  private func view(_ alert: Alert) -> AlertView {
    let (wall, now) = (Self.wallMilliseconds(), now)
    func time(_ instant: FleetEngine.Instant) -> Int64 { wall - (now - instant).nanoseconds / 1_000_000 }
    // A kernel that is gone is named by its UUID's beginning all the same.
    let id = alert.condition.kernel.flatMap(KernelID.init(uuid:))
    return AlertView(
      alert: alert, since: time(alert.since), firedAt: alert.firedAt.map(time), resolvedAt: alert.resolvedAt.map(time),
      kernelID: id.map(\.description), kernelName: id.flatMap { engine.kernels[$0]?.specification.name })
  }
}
