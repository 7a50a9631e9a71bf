// Tells people of alerts, outside of the host's actor: what does not answer delays nobody, and is tried again.
import Dispatch
import FleetConfiguration
import JSON
import Logging
import Glibc
import Synchronization

final class AlertNotifier: Sendable {
  /// How long one attempt may take.
  static let patience: Duration = .seconds(10)
  /// Pauses between attempts.
  private static let pauses: [UInt32] = [1, 5]
  /// Messages that wait for one receiver, at most.
  private static let capacity = 200

  /// Alertmanager takes an alert for resolved that nobody repeats; Prometheus repeats every minute.
  static let repetition: Duration = .seconds(60)
  private static let lifetime: Duration = .seconds(240)

  private let webhook: Receiver?
  private let alertmanager: Receiver?
  private let command: Receiver?

  /// Whether firing alerts must be told again and again.
  var mustRepeat: Bool { alertmanager != nil }

  init(_ alerts: FleetConfiguration.Alerts, environment: [String: String], log: Logger) {
    webhook = alerts.webhook.map { Receiver("the webhook \(AlertNotifier.place(of: $0))", log, HTTPPost(url: $0).send) }
    alertmanager = alerts.alertmanager.map { base in
      let url = (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/api/v2/alerts"
      return Receiver("the Alertmanager \(AlertNotifier.place(of: base))", log, HTTPPost(url: url).send)
    }
    let program = alerts.command
    command =
      program.isEmpty
      ? nil
      : Receiver("the command \(program[0])", log, AlertCommand(arguments: program, environment: environment).run)
  }

  /// Scheme, host and port: the rest of an address may hold a password or a token, which no log is to have.
  private static func place(of url: String) -> String {
    let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 3 else { return "the configured address" }
    let host = parts[2].prefix { $0 != "?" && $0 != "#" }
    return "\(parts[0])//\(host.split(separator: "@").last ?? host)"
  }

  /// Alerts that began to fire or were resolved.
  func tell(_ alerts: [AlertView], now: Int64) {
    if alerts.isEmpty { return }
    let messages = AlertView.webhookMessages(alerts)
    for message in messages {
      webhook?.send(message.encoded())
      command?.send(message.encoded())
    }
    tellAlertmanager(alerts, now: now)
  }

  /// Alerts that go on firing.
  func `repeat`(_ alerts: [AlertView], now: Int64) { tellAlertmanager(alerts, now: now) }

  private func tellAlertmanager(_ alerts: [AlertView], now: Int64) {
    guard let alertmanager, !alerts.isEmpty else { return }
    alertmanager.send(JSON.array(alerts.map { $0.posted(now: now, lifetime: Self.lifetime) }).encoded())
  }

  /// One that is told, in the order of what happens.
  private final class Receiver: Sendable {
    private let name: String
    private let log: Logger
    private let deliver: @Sendable ([UInt8], Duration) throws(DeliveryFailure) -> Void
    private let queue: DispatchQueue
    private let waiting = Mutex(0)

    init(
      _ name: String, _ log: Logger, _ deliver: @escaping @Sendable ([UInt8], Duration) throws(DeliveryFailure) -> Void
    ) {
      self.name = name
      self.log = log
      self.deliver = deliver
      queue = DispatchQueue(label: "fleet.alerts")
    }

    func send(_ message: [UInt8]) {
      let isTaken = waiting.withLock { waiting in
        if waiting < AlertNotifier.capacity { waiting += 1 } else { return false }
        return true
      }
      guard isTaken else { return log.error("\(name) does not keep up: an alert is not told to it") }
      queue.async {
        self.attempt(message)
        self.waiting.withLock { $0 -= 1 }
      }
    }

    private func attempt(_ message: [UInt8]) {
      for pause in AlertNotifier.pauses.map(Optional.some) + [nil] {
        do throws(DeliveryFailure) {
          return try deliver(message, AlertNotifier.patience)
        } catch {
          guard error.mayPass, let pause else {
            return log.error("\(name) was not told of an alert: \(error.reason)")
          }
          sleep(pause)
        }
      }
    }
  }
}

/// Why somebody was not told.
struct DeliveryFailure: Error {
  var reason: String
  /// Another attempt may succeed.
  var mayPass = true
}
