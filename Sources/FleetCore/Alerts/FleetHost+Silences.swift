// Alerts of which people have said that they know: nobody is told of them until the silence is over.
import FleetEngine
import JSON

extension FleetHost {
  private static let mostSilences = 1000

  /// The document of `GET /silences`: those in force, the one that ends first before the others.
  public func silencesDocument() async -> JSON {
    await whenOpen()
    return ["silences": .array(silencesInForce.sorted { $0.endsAt < $1.endsAt }.map(\.json))]
  }

  /// - Throws: `kernelNotFound`, `limit`; `storage` if it cannot be kept, and then it is not in force.
  public func silence(_ request: SilenceRequest) async throws -> JSON {
    await whenOpen()
    var matchers = request.matchers
    if let kernel = request.kernel { matchers["kernel_id"] = try await known(kernel).id.description }
    let now = Self.wallMilliseconds()
    guard silencesInForce.count < Self.mostSilences else {
      throw EngineError(.limit, "there are \(Self.mostSilences) silences; end some of them")
    }
    let silence = Silence(
      id: String(makeID().description.dropFirst("kernel-".count)), matchers: matchers, createdAt: now,
      endsAt: now + Int64(request.duration * 1000), createdBy: request.createdBy, comment: request.comment)
    try await keep { $0.append(silence) }
    setup.log.info("alerts are silenced by \(silence.id): \(silence.json.text())")
    return silence.json
  }

  /// Ends a silence before its time: what it hid and still fires is told.
  /// - Throws: `silenceNotFound`, `storage`.
  public func endSilence(_ id: String) async throws -> JSON {
    await whenOpen()
    guard let silence = silencesInForce.first(where: { $0.id == id }) else {
      throw EngineError(.silenceNotFound, "there is no silence \(id); fleet alerts silences lists them")
    }
    try await keep { silences in silences.removeAll { $0.id == id } }
    return silence.json
  }

  var silencesInForce: [Silence] {
    let now = Self.wallMilliseconds()
    return silences.filter { $0.endsAt > now }
  }

  func silencers(of alert: AlertView) -> [String] {
    let labels = alert.labels
    return silencesInForce.filter { $0.silences(labels) }.map(\.id)
  }

  /// One after the other, so that the file has what is in force; first the disk, then everybody else.
  private func keep(_ change: @Sendable (inout [Silence]) -> Void) async throws {
    while isKeepingSilences {
      await withCheckedContinuation { waitingForSilences.append($0) }
    }
    isKeepingSilences = true
    defer {
      isKeepingSilences = false
      let waiting = waitingForSilences
      waitingForSilences = []
      waiting.forEach { $0.resume() }
    }
    var changed = silencesInForce
    change(&changed)
    let (file, kept) = (silenceFile, changed)
    try await onDisk { () throws(StorageError) in try file.save(kept) }
    silences = kept
    watchSilences()
  }

  /// What a silence hid is told when it is over.
  func watchSilences() {
    tellWhatIsNotSilentAnyMore()
    silenceTimer?.cancel()
    silenceTimer = nil
    guard let next = silencesInForce.map(\.endsAt).min() else { return }
    // A clock that is set forward ends a silence at the next look; once a minute is often enough.
    let delay = Duration.milliseconds(min(max(next - Self.wallMilliseconds(), 1), 60_000))
    silenceTimer = Task { [weak self] in
      // Cancelled when the silences have changed, or the host leaves.
      guard (try? await Task.sleep(for: delay)) != nil else { return }
      await self?.watchSilences()
    }
  }

  private func tellWhatIsNotSilentAnyMore() {
    guard !hushed.isEmpty else { return }
    let firing = self.firing
    hushed.formIntersection(firing.map(\.identity))
    let told = firing.filter { hushed.contains($0.identity) && silencers(of: $0).isEmpty }
    guard !told.isEmpty else { return }
    hushed.subtract(told.map(\.identity))
    notifier.tell(told, now: Self.wallMilliseconds())
    repeatAlerts()
  }

  /// Those of which somebody is to be told. The end of an alert is told to all who were told of its beginning.
  func audible(_ alerts: [AlertView]) -> [AlertView] {
    alerts.filter { alert in
      if alert.isResolved { return hushed.remove(alert.identity) == nil }
      guard !silencers(of: alert).isEmpty else { return true }
      hushed.insert(alert.identity)
      return false
    }
  }
}

extension AlertView {
  /// What tells this alert from all others.
  struct Identity: Hashable, Sendable {
    var source: String
    var name: String
    var kernel: String?
    var labels: [String: String]
  }

  var identity: Identity {
    let condition = alert.condition
    return Identity(source: alert.source, name: condition.name, kernel: condition.kernel, labels: condition.labels)
  }
}
