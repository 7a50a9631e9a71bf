// When the alert policy is asked, what becomes of its answers, and what the host finds by itself.
import FleetEngine
import Testing

struct AlertQuestionTests {
  private func fleet(_ entries: Set<EntryPoint> = [.route, .alert]) -> Harness {
    var configuration = EngineConfiguration()
    configuration.entries = entries
    let fleet = Harness(configuration)
    fleet.send(.recovered([]))
    return fleet
  }

  private static let crowded = AlertCondition(name: "Crowded", summary: "many", hold: .seconds(20))

  private func changes(_ fleet: Harness) -> [AlertChange] {
    fleet.effects.flatMap { (effect) -> [AlertChange] in
      if case .alerts(let changes) = effect { return changes }
      return []
    }
  }

  @Test func everyTenSecondsAndPeopleAreToldWhenItFires() {
    let fleet = fleet()
    var asked: [Int] = []
    for _ in 1...4 {
      fleet.pass(.seconds(10))
      asked.append(fleet.lastQuestion)
      fleet.answer(.alert([Self.crowded]))
    }
    #expect(asked == [1, 2, 3, 4])
    #expect(changes(fleet).map(\.alert.state) == [.firing])
    #expect(fleet.notes(.alert) == ["firing: Crowded: many"])
    #expect(fleet.engine.alerts.map(\.state) == [.firing])
    fleet.pass(.seconds(10))
    fleet.answer(.alert([]))
    #expect(changes(fleet).map(\.alert.state) == [.firing, .resolved])
    #expect(fleet.decisions.count == 5)
  }

  /// Prometheus moves no alert when its rule cannot be evaluated.
  @Test func aFailureChangesNothing() {
    let fleet = fleet()
    var condition = Self.crowded
    condition.hold = .zero
    fleet.pass(.seconds(10))
    fleet.answer(.alert([condition]))
    for kind in 0...2 {
      fleet.pass(.seconds(10))
      if kind == 0 { fleet.answer(nil, failure: "oops") }
      if kind == 1 { fleet.pass(.seconds(10)) }
      if kind == 2 { fleet.answer(.scale(ScaleAnswer(wanted: 1))) }
      #expect(fleet.decisions.last?.isFallback == true)
      #expect(fleet.decisions.last?.outcome == .alert([condition]))
      #expect(fleet.engine.alerts.map(\.state) == [.firing])
    }
    fleet.pass(.seconds(10))
    fleet.answer(nil, "all is well")
    #expect(fleet.engine.alerts.map(\.state) == [.resolved])
  }

  @Test func aSlowPolicyHoldsUpNobodyAndIsNotAskedTwice() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.pass(.seconds(10))
    #expect(fleet.lastSubject == .alert)
    let ticket = fleet.find()
    fleet.answer(.route(.use(id.uuid)))
    #expect(fleet.kernel(ticket)?.id == id)
    fleet.forget()
    fleet.pass(.seconds(10))
    #expect(fleet.acts.filter { $0.hasPrefix("ask") }.count <= 1)
  }

  /// A row in an answer arrives as the id that people type.
  @Test func aKernelIsMeantByItsID() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.pass(.seconds(10))
    fleet.answer(.alert([id.description, "gone"].map { AlertCondition(name: "A", kernel: $0) }))
    #expect(fleet.engine.alerts.map(\.condition.kernel) == [id.uuid, "gone"])
  }

  @Test func whatTheHostFindsBecomesAnAlert() {
    let fleet = fleet([.route])
    fleet.pass(.seconds(100))
    #expect(fleet.acts == [])
    let aside = AlertCondition(name: "PolicySetAside", severity: "warning", summary: "route.lua failed five times")
    fleet.send(.conditions(source: "policies", [aside]))
    #expect(fleet.engine.alerts.map(\.source) == ["policies"])
    #expect(changes(fleet).map(\.alert.state) == [.firing])
    fleet.send(.conditions(source: "disk", []))
    #expect(fleet.engine.alerts.map(\.state) == [.firing])
    fleet.send(.conditions(source: "policies", []))
    #expect(changes(fleet).map(\.alert.state) == [.firing, .resolved])
  }

  @Test func whatTheHostFoundLastsWithoutBeingSaidAgain() {
    let fleet = fleet([.route])
    fleet.send(.conditions(source: "host", [Self.crowded]))
    #expect(fleet.engine.alerts.map(\.state) == [.pending])
    fleet.pass(.seconds(20))
    #expect(fleet.engine.alerts.map(\.state) == [.firing])
    fleet.forget()
    fleet.pass(.seconds(1000))
    #expect(fleet.effects.isEmpty, "it fires, and nothing is to be done")
    fleet.send(.conditions(source: "host", []))
    fleet.pass(.seconds(1000))
    #expect(fleet.engine.alerts == [])
    fleet.forget()
    fleet.pass(.seconds(1000))
    #expect(fleet.effects.isEmpty, "an idle host sleeps")
  }
}
