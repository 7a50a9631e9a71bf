// Pending, firing, resolved: the semantics of Prometheus.
import Testing

@testable import FleetEngine

struct AlerterTests {
  private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

  private func memory(
    _ kernel: String? = nil, hold: Duration = .zero, keepFiring: Duration = .zero, labels: [String: String] = [:]
  ) -> AlertCondition {
    AlertCondition(
      name: "HighMemory", kernel: kernel, summary: "much", labels: labels, hold: hold, keepFiring: keepFiring)
  }

  private func states(_ changes: [AlertChange]) -> [Alert.State] { changes.map(\.alert.state) }

  @Test func withoutAForItFiresAtOnce() {
    var alerter = Alerter()
    #expect(states(alerter.update("policy", [memory()], at(0)).changes) == [.firing])
    #expect(alerter.update("policy", [memory()], at(10)).changes == [])
    #expect(states(alerter.update("policy", [], at(20)).changes) == [.resolved])
    #expect(alerter.update("policy", [], at(30)).changes == [])
    #expect(alerter.all.map(\.state) == [.resolved])
  }

  @Test func itIsPendingForAsLongAsForSays() {
    var alerter = Alerter()
    let condition = memory(hold: .seconds(25))
    #expect(alerter.update("policy", [condition], at(0)).changes == [])
    #expect(alerter.all.map(\.state) == [.pending])
    #expect(alerter.update("policy", [condition], at(24)).changes == [])
    #expect(states(alerter.update("policy", [condition], at(25)).changes) == [.firing])
    #expect(alerter.all.first?.since == at(0))
    #expect(alerter.all.first?.firedAt == at(25))
  }

  @Test func oneLookWithoutItAndTheTimeBeginsAnew() {
    var alerter = Alerter()
    let condition = memory(hold: .seconds(20))
    _ = alerter.update("policy", [condition], at(0))
    _ = alerter.update("policy", [], at(10))
    #expect(alerter.isEmpty, "what was only pending is nobody's concern")
    _ = alerter.update("policy", [condition], at(20))
    #expect(alerter.update("policy", [condition], at(39)).changes == [])
    #expect(states(alerter.update("policy", [condition], at(40)).changes) == [.firing])
  }

  @Test func itKeepsFiring() {
    var alerter = Alerter()
    let condition = memory(keepFiring: .seconds(30))
    _ = alerter.update("policy", [condition], at(0))
    #expect(alerter.update("policy", [], at(10)).changes == [])
    #expect(alerter.all.first?.state == .firing)
    #expect(alerter.all.first?.missingSince == at(10))
    // It comes back: the time begins anew.
    _ = alerter.update("policy", [condition], at(20))
    _ = alerter.update("policy", [], at(30))
    #expect(alerter.update("policy", [], at(59)).changes == [])
    #expect(states(alerter.update("policy", [], at(60)).changes) == [.resolved])
  }

  @Test func whatIsOverIsShownForAQuarterOfAnHourAndMayBeginAnew() {
    var alerter = Alerter()
    _ = alerter.update("policy", [memory()], at(0))
    _ = alerter.update("policy", [], at(10))
    _ = alerter.update("policy", [], at(909))
    #expect(alerter.all.count == 1)
    #expect(states(alerter.update("policy", [memory()], at(909)).changes) == [.firing])
    #expect(alerter.all.map(\.since) == [at(909)])
    _ = alerter.update("policy", [], at(1000))
    _ = alerter.update("policy", [], at(1900))
    #expect(alerter.isEmpty)
  }

  @Test func nameKernelLabelsAndSourceAreTheIdentity() {
    var alerter = Alerter()
    let found = [memory(), memory("k"), memory(labels: ["a": "1"]), memory("k", labels: ["a": "1"])]
    #expect(alerter.update("policy", found, at(0)).changes.count == 4)
    #expect(alerter.update("host", [memory()], at(0)).changes.count == 1)
    #expect(alerter.update("host", [], at(1)).changes.count == 1)
    let twice = alerter.update("policy", found + [memory("k")], at(1))
    #expect(twice.changes == [])
    #expect(twice.clamps.count == 1)
    #expect(alerter.all.count { $0.state == .firing } == 4)
  }

  @Test func theNewestWordsAreShown() {
    var alerter = Alerter()
    var condition = memory()
    _ = alerter.update("policy", [condition], at(0))
    condition.value = 7
    condition.summary = "more"
    condition.severity = "critical"
    _ = alerter.update("policy", [condition], at(1))
    #expect(alerter.all.map(\.condition) == [condition])
  }

  @Test func thereIsABound() {
    var alerter = Alerter()
    let found = (1...1200).map { memory("\($0)") }
    let first = alerter.update("policy", found, at(0))
    #expect(first.changes.count == 1000)
    #expect(first.clamps == ["asked 1200, allowed 1000: at most 1000 alerts"])
    _ = alerter.update("policy", [], at(1))
    // Those that are over make room.
    #expect(alerter.update("policy", (2001...2300).map { memory("\($0)") }, at(2)).changes.count == 300)
    #expect(alerter.all.count == 1000)
  }
}
