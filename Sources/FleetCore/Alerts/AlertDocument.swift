// Alerts as documents: of the HTTP API, and as Alertmanager's webhook and its API (v2) have them.
import FleetEngine
import JSON

/// An alert with wall times, and its kernel as people call it.
struct AlertView: Sendable {
  var alert: Alert
  /// Milliseconds since 1970.
  var since: Int64
  var firedAt: Int64?
  var resolvedAt: Int64?
  /// Id and name of the kernel that it is about.
  var kernelID: String?
  var kernelName: String?

  /// An entry of `GET /alerts`.
  var json: JSON {
    let condition = alert.condition
    return [
      "name": .string(condition.name), "state": .string(alert.state.rawValue), "severity": .string(condition.severity),
      "summary": .string(condition.summary), "value": JSON(condition.value), "kernel": JSON(kernelID),
      "labels": .object(condition.labels.mapValues(JSON.string)), "source": .string(alert.source),
      "since": .string(KernelView.text(ofMilliseconds: since)),
      "fired_at": JSON(firedAt.map(KernelView.text)), "resolved_at": JSON(resolvedAt.map(KernelView.text)),
      "for_seconds": .double(condition.hold.seconds), "keep_firing_for_seconds": .double(condition.keepFiring.seconds),
    ]
  }

  var labels: [String: String] {
    var labels = alert.condition.labels
    labels["alertname"] = alert.condition.name
    labels["severity"] = alert.condition.severity
    labels["kernel_id"] = kernelID
    labels["kernel_name"] = kernelName
    return labels
  }

  private var annotations: JSON {
    var members: [String: JSON] = ["summary": .string(alert.condition.summary)]
    members["value"] = alert.condition.value.map { .string("\($0)") }
    return .object(members)
  }

  var isResolved: Bool { alert.state == .resolved }

  /// An alert of Alertmanager's API v2. One that fires ends by itself if nobody says it again within `lifetime`.
  func posted(now: Int64, lifetime: Duration) -> JSON {
    [
      "labels": .object(labels.mapValues(JSON.string)), "annotations": annotations,
      "startsAt": .string(KernelView.text(ofMilliseconds: firedAt ?? since)),
      "endsAt": .string(
        KernelView.text(ofMilliseconds: resolvedAt ?? now + lifetime.nanoseconds / 1_000_000)),
    ]
  }

  fileprivate var received: JSON {
    [
      "status": .string(isResolved ? "resolved" : "firing"), "labels": .object(labels.mapValues(JSON.string)),
      "annotations": annotations, "startsAt": .string(KernelView.text(ofMilliseconds: firedAt ?? since)),
      "endsAt": .string(resolvedAt.map(KernelView.text) ?? "0001-01-01T00:00:00Z"), "generatorURL": "",
      "fingerprint": .string(fingerprint),
    ]
  }

  /// FNV-1a of the labels, as Alertmanager has it.
  private var fingerprint: String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
      for byte in Array(name.utf8) + [0xFF] + Array(value.utf8) + [0xFF] {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
      }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// What Alertmanager sends to webhooks (version 4): one message for each name, with all of its alerts.
  static func webhookMessages(_ alerts: [AlertView]) -> [JSON] {
    Dictionary(grouping: alerts, by: \.alert.condition.name).sorted { $0.key < $1.key }.map { name, alerts in
      let common = alerts.dropFirst().reduce(alerts[0].labels) { common, alert in
        common.filter { alert.labels[$0.key] == $0.value }
      }
      return [
        "version": "4", "groupKey": .string("{}:{alertname=\"\(name)\"}"), "truncatedAlerts": 0, "receiver": "fleet",
        "status": .string(alerts.allSatisfy(\.isResolved) ? "resolved" : "firing"),
        "groupLabels": ["alertname": .string(name)], "commonLabels": .object(common.mapValues(JSON.string)),
        "commonAnnotations": [:], "externalURL": "", "alerts": .array(alerts.map(\.received)),
      ]
    }
  }
}
