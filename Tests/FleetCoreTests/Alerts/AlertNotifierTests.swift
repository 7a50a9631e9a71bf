// Those who are to know of alerts are told, in the words that they understand, and again when they did not listen.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Logging
import Synchronization
import Testing

@testable import FleetCore

@Suite struct AlertNotifierTests {
  private func notifier(_ alerts: FleetConfiguration.Alerts, _ log: CollectedLog = CollectedLog()) -> AlertNotifier {
    AlertNotifier(alerts, environment: ["PATH": "/usr/bin:/bin"], log: Logger(label: "test") { _ in log })
  }

  private func alert(_ name: String, resolved: Bool = false) throws -> AlertView {
    // As the engine would say it: the condition is found, and an alert without `for` fires at once.
    var configuration = EngineConfiguration()
    configuration.entries = []
    var engine = Engine(configuration: configuration)
    let condition = AlertCondition(
      name: name, severity: "critical", summary: "it is \(name)", value: 1.5, labels: ["team": "a"])
    _ = engine.handle(.conditions(source: "test", [condition]), now: Instant(nanoseconds: 1))
    if resolved { _ = engine.handle(.conditions(source: "test", []), now: Instant(nanoseconds: 2)) }
    let alert = try #require(engine.alerts.first)
    try #require(alert.state == (resolved ? .resolved : .firing))
    return AlertView(
      alert: alert, since: 1_700_000_000_000, firedAt: 1_700_000_000_000,
      resolvedAt: resolved ? 1_700_000_060_000 : nil, kernelID: "kernel-0a1b2c3d")
  }

  @Test func aWebhookGetsWhatAlertmanagerWouldSend() async throws {
    let receiver = try WebhookReceiver(statuses: [])
    defer { receiver.close() }
    var alerts = FleetConfiguration().alerts
    alerts.webhook = receiver.url + "/hook"
    let notifier = notifier(alerts)
    notifier.tell([try alert("High"), try alert("High", resolved: true), try alert("Low", resolved: true)], now: 0)
    #expect(await eventually { receiver.requests.count == 2 })
    let (path, message) = try #require(receiver.requests.first)
    #expect(path == "/hook" && message["version"] == "4" && message["status"] == "firing")
    #expect(message["groupLabels"] == ["alertname": "High"] && message["alerts"]?.array?.count == 2)
    let first = message["alerts"]?[0]
    #expect(
      first?["labels"]
        == ["alertname": "High", "severity": "critical", "team": "a", "kernel_id": "kernel-0a1b2c3d"])
    #expect(first?["annotations"]?["summary"] == "it is High" && first?["startsAt"] == "2023-11-14T22:13:20.000Z")
    #expect(first?["endsAt"] == "0001-01-01T00:00:00Z")
    #expect(message["alerts"]?[1]?["endsAt"] == "2023-11-14T22:14:20.000Z")
    #expect(receiver.requests.last?.body["status"] == "resolved")
  }

  @Test func anAlertmanagerIsToldAgainWhenItFailed() async throws {
    let receiver = try WebhookReceiver(statuses: [503, 200])
    defer { receiver.close() }
    var alerts = FleetConfiguration().alerts
    alerts.alertmanager = receiver.url + "/"
    let notifier = notifier(alerts)
    #expect(notifier.mustRepeat)
    notifier.tell([try alert("High")], now: 1_700_000_000_000)
    #expect(await eventually { receiver.requests.count == 2 })
    let (path, posted) = try #require(receiver.requests.last)
    #expect(path == "/api/v2/alerts" && posted.array?.count == 1)
    // It ends by itself if nobody repeats it.
    #expect(posted[0]?["endsAt"] == "2023-11-14T22:17:20.000Z" && posted[0]?["labels"]?["alertname"] == "High")
  }

  @Test func aCommandGetsItOnItsStandardInput() async throws {
    let directory = try TemporaryDirectory()
    var alerts = FleetConfiguration().alerts
    alerts.command = [
      "sh", "-c", "cat > \(directory.file("told.part")) && mv \(directory.file("told.part")) \(directory.file("told"))",
    ]
    notifier(alerts).tell([try alert("High")], now: 0)
    #expect(await eventually { access(directory.file("told"), F_OK) == 0 })
    let told = try JSON(parsing: Data(contentsOf: URL(filePath: directory.file("told"))))
    #expect(told["alerts"]?[0]?["labels"]?["alertname"] == "High")
  }

  @Test func whatCannotBeToldIsLogged() async throws {
    let log = CollectedLog()
    var alerts = FleetConfiguration().alerts
    alerts.command = ["/nowhere/program"]
    let receiver = try WebhookReceiver(statuses: [404])
    defer { receiver.close() }
    alerts.webhook = receiver.url + "/services/a-token"
    let notifier = notifier(alerts, log)
    notifier.tell([try alert("High")], now: 0)
    #expect(await eventually { log.lines.count == 2 })
    #expect(
      log.lines.sorted() == [
        "error: the command /nowhere/program was not told of an alert: it cannot be started: No such file or directory",
        "error: the webhook \(receiver.url) was not told of an alert: it answered with status 404",
      ])
  }

  @Test func aProgramThatDoesNotEndIsKilled() throws {
    let command = AlertCommand(arguments: ["sleep", "1000"], environment: ["PATH": "/usr/bin:/bin"])
    let failure = #expect(throws: DeliveryFailure.self) { try command.run([], within: .milliseconds(50)) }
    #expect(failure?.reason == "it did not end within 0.05 s")
  }
}

/// A small HTTP server on loopback that keeps what it is sent.
final class WebhookReceiver: Sendable {
  typealias Posted = (path: String, body: JSON)

  let url: String
  private let socket: Int32
  private let kept = Mutex<[Posted]>([])
  var requests: [Posted] { kept.withLock { $0 } }

  /// - Parameter statuses: of the first answers; 200 afterwards.
  init(statuses: [Int]) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutableBytes(of: &address) { bytes in
      let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return bind(socket, pointer, length) == 0 && listen(socket, 16) == 0 && getsockname(socket, pointer, &length) == 0
    }
    try #require(isBound)
    self.socket = socket
    url = "http://127.0.0.1:\(address.sin_port.bigEndian)"
    Thread.detachNewThread { self.serve(statuses) }
  }

  func close() { shutdown(socket, Int32(SHUT_RDWR)) }

  private func serve(_ statuses: [Int]) {
    var statuses = statuses[...]
    while true {
      let connection = accept(socket, nil, nil)
      if connection < 0 { break }
      if let posted = Self.read(connection) { kept.withLock { $0.append(posted) } }
      let status = statuses.popFirst() ?? 200
      let answer = Array("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
      _ = write(connection, answer, answer.count)
      Glibc.close(connection)
    }
    Glibc.close(socket)
  }

  private static func read(_ connection: Int32) -> Posted? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let split = text.range(of: "\r\n\r\n"),
        let length = text.lowercased().firstMatch(of: /content-length: (\d+)/).flatMap({ Int($0.1) }),
        text[split.upperBound...].utf8.count >= length
      {
        guard let body = try? JSON(parsing: String(text[split.upperBound...])) else { return nil }
        return (String(text.split(separator: " ")[1]), body)
      }
      let count = Glibc.read(connection, &chunk, chunk.count)
      if count <= 0 { return nil }
      bytes += chunk[..<count]
    }
  }
}
