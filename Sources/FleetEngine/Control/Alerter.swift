// Conditions become alerts. The rules are those of Prometheus (`rules/alerting.go`): an alert is pending until its
// condition was found for as long as `for` says, fires, goes on for `keep_firing_for` when the condition is found no
// more, and is then resolved. Nothing moves without a new look: if a look fails, what was found last holds on.
import OrderedCollections

package struct Alerter: Sendable {
  static let capacity = 1000
  /// How long resolved alerts are shown.
  static let retention = Duration.seconds(15 * 60)

  private struct Identity: Hashable, Sendable {
    let source: String
    let name: String
    let kernel: String?
    let labels: [String: String]
  }

  private var alerts: OrderedDictionary<Identity, Alert> = [:]

  package init() {}

  var isEmpty: Bool { alerts.isEmpty }

  /// Time alone will change something: an alert that fires, and whose condition holds, just goes on.
  var waits: Bool { alerts.values.contains { $0.state != .firing || $0.missingSince != nil } }

  /// The oldest first.
  package var all: [Alert] { Array(alerts.values) }

  /// Takes in all that one source finds now.
  /// - Returns: what people are to be told, and in words what was left out.
  package mutating func update(_ source: String, _ found: [AlertCondition], _ now: Instant) -> (
    changes: [AlertChange], clamps: [String]
  ) {
    var changes: [AlertChange] = []
    var seen: Set<Identity> = []
    var (twice, tooMany) = (0, 0)
    for condition in found {
      let identity = Identity(
        source: source, name: condition.name, kernel: condition.kernel, labels: condition.labels)
      guard seen.insert(identity).inserted else {
        twice += 1
        continue
      }
      if !holds(identity, condition, source, now, &changes) { tooMany += 1 }
    }
    for (identity, alert) in alerts where identity.source == source && !seen.contains(identity) {
      isMissing(identity, alert, now, &changes)
    }
    forget(now)
    var clamps: [String] = []
    if twice > 0 { clamps.append("\(twice) conditions have the name, kernel and labels of an earlier one: left out") }
    if tooMany > 0 {
      clamps.append(
        "asked \(found.count - twice), allowed \(found.count - twice - tooMany): at most \(Self.capacity) alerts")
    }
    return (changes, clamps)
  }

  /// False if there is no room for it.
  private mutating func holds(
    _ identity: Identity, _ condition: AlertCondition, _ source: String, _ now: Instant, _ changes: inout [AlertChange]
  ) -> Bool {
    var known = alerts[identity]
    if known?.state == .resolved {
      // It begins anew, as the youngest.
      alerts[identity] = nil
      known = nil
    }
    if known == nil, alerts.count >= Self.capacity, !makeRoom() { return false }
    var alert = known ?? Alert(source: source, condition: condition, state: .pending, since: now)
    alert.condition = condition
    alert.missingSince = nil
    if alert.state == .pending, now - alert.since >= condition.hold {
      alert.state = .firing
      alert.firedAt = now
      changes.append(.firing(alert))
    }
    alerts[identity] = alert
    return true
  }

  private mutating func isMissing(
    _ identity: Identity, _ known: Alert, _ now: Instant, _ changes: inout [AlertChange]
  ) {
    var alert = known
    switch alert.state {
    case .pending: alerts[identity] = nil
    case .resolved: break
    case .firing:
      let since = alert.missingSince ?? now
      alert.missingSince = since
      if now - since >= alert.condition.keepFiring {
        alert.state = .resolved
        alert.resolvedAt = now
        changes.append(.resolved(alert))
      }
      alerts[identity] = alert
    }
  }

  /// An alert that is over gives way to one that is not.
  private mutating func makeRoom() -> Bool {
    guard let over = alerts.first(where: { $0.value.state == .resolved })?.key else { return false }
    alerts[over] = nil
    return true
  }

  mutating func forget(_ now: Instant) {
    alerts.removeAll { _, alert in alert.resolvedAt.map { now - $0 >= Self.retention } ?? false }
  }
}
