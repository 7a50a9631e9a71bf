// Alerts: what the engine says of them, shown and told.
import FleetEngine
import JSON

extension AlertCondition {
  /// What the registry's writer tells.
  static func unwritable(_ problem: String?) -> [AlertCondition] {
    guard let problem else { return [] }
    let summary = "\(problem): kernels go on, new ones are refused"
    return [AlertCondition(name: "RegistryUnwritable", severity: "critical", summary: summary)]
  }
}

extension FleetHost {
  /// Why the registry cannot be written; nil if it can.
  public nonisolated var storageProblem: String? { writer.problem }

  /// Where this host put a damaged registry when it started; nil if it was sound.
  public nonisolated var registrySetAside: String? { database.setAside }

  /// The document of `GET /alerts`: pending, firing, and those that were resolved lately.
  /// - Parameter viewer: an owner is told of no kernel but his, and of none that is gone: whose it was nobody knows.
  public func alerts(as viewer: Viewer = .everyone) async -> JSON {
    await whenOpen()
    let alerts = engine.alerts.filter { sees($0, viewer) }.map { alert in
      let view = view(alert)
      var document = view.json
      document["silenced_by"] = .array(silencers(of: view).map(JSON.string))
      return document
    }
    return ["alerts": .array(alerts)]
  }

  private func sees(_ alert: Alert, _ viewer: Viewer) -> Bool {
    guard viewer != .everyone, let kernel = alert.condition.kernel else { return true }
    return KernelID(uuid: kernel).flatMap { engine.kernels[$0] }.map(viewer.sees) ?? false
  }

  func notify(_ changes: [AlertChange]) {
    notifier.tell(audible(changes.map { view($0.alert) }), now: Self.wallMilliseconds())
    repeatAlerts()
  }

  /// As long as one fires.
  func repeatAlerts() {
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
    notifier.repeat(firing.filter { silencers(of: $0).isEmpty }, now: Self.wallMilliseconds())
    return true
  }

  var firing: [AlertView] { engine.alerts.filter { $0.state == .firing }.map(view) }

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
