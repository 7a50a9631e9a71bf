// Idle kernels of Jupyter's clients: a scale policy names those that go, and the host keeps what must not go.
import FleetEngine
import Testing

struct CullingTests {
  private func fleet(endsConnected: Bool = false, pools: [Pool] = []) -> Harness {
    var configuration = EngineConfiguration()
    configuration.entries = [.route, .scale]
    configuration.pools = pools
    configuration.culling = Culling(interval: .seconds(60), endsConnected: endsConnected)
    return Harness(configuration)
  }

  private func jupyter(_ fleet: Harness) -> KernelID {
    fleet.idleKernel(Specification(kernelspec: "lua", language: "lua", labels: ["source": "jupyter"]))
  }

  private func view(_ fleet: Harness) -> PoolView? {
    if case .scale(let view) = fleet.lastSubject { view } else { nil }
  }

  /// The policy is asked, and names these.
  private func cull(_ fleet: Harness, _ ids: [KernelID]) {
    fleet.forget()
    fleet.pass(.seconds(60))
    // Pools are asked about at the same time.
    let question = fleet.effects.lazy.compactMap { effect -> Int? in
      if case .ask(let number, let asked) = effect, case .scale(let view) = asked.subject, view.name == "jupyter" {
        return number
      }
      return nil
    }.first
    let answer = PolicyAnswer(
      answer: .scale(ScaleAnswer(wanted: 0, retire: ids.map(\.description))), reason: "idle for long")
    fleet.send(.answered(question: question ?? 0, answer))
  }

  @Test func thePolicyIsAskedOnlyWhereThereIsAKernelOfJupyter() {
    let fleet = fleet()
    let other = fleet.idleKernel()
    fleet.pass(.seconds(180))
    #expect(fleet.lastQuestion == 0)
    let id = jupyter(fleet)
    let busy = jupyter(fleet)
    fleet.activity(busy, busy: true)
    fleet.pass(.seconds(60))
    #expect(view(fleet) == PoolView(name: "jupyter", maximum: Int(Int32.max), kernels: 2, used: 1, free: 1))
    fleet.answer(.scale(ScaleAnswer(wanted: 9, retire: [other.description, id.description, "nobody"])), "away")
    #expect(fleet.decisions.last?.outcome == .scale(ScaleAnswer(wanted: 1, retire: [id.uuid])))
    #expect(
      fleet.decisions.last?.clamps == [
        "asked to retire '\(other)', which is no kernel of Jupyter's clients",
        "asked to retire 'nobody', which is no kernel of Jupyter's clients",
      ])
    #expect(!fleet[other].isDraining)
  }

  @Test func anIdleKernelEndsWhenItsClientsWereCountedOnceMore() {
    let fleet = fleet()
    let id = jupyter(fleet)
    cull(fleet, [id])
    #expect(fleet.notes(.draining) == ["culled: idle for long"])
    #expect(fleet.status(id) == .idle)
    #expect(fleet.acts.contains("count"))
    fleet.connections([:])
    #expect(fleet.status(id) == .stopping)
  }

  @Test func whoComesBackInTimeKeepsHisKernel() {
    let fleet = fleet()
    let id = jupyter(fleet)
    cull(fleet, [id])
    fleet.connections([id: 1])
    #expect(!fleet[id].isDraining)
    fleet.connections([:])
    fleet.pass(.seconds(30))
    #expect(fleet.status(id) == .idle, "the policy has to name it again")
  }

  @Test func aCellThatBeginsCallsItOff() {
    let fleet = fleet()
    let id = jupyter(fleet)
    fleet.pass(.seconds(2))
    cull(fleet, [id])
    fleet.activity(id, busy: true)
    fleet.activity(id, busy: false)
    fleet.connections([:])
    #expect(fleet.status(id) == .idle)
  }

  @Test func whatRunsOrHasClientsIsKept() {
    let fleet = fleet()
    let (busy, connected) = (jupyter(fleet), jupyter(fleet))
    fleet.activity(busy, busy: true)
    fleet.connections([connected: 2])
    cull(fleet, [busy, connected])
    #expect(
      fleet.decisions.last?.clamps == [
        "asked to retire \(busy), kept it: it runs something",
        "asked to retire \(connected), kept it: it has 2 clients, and [gateway] cull_connected is false",
      ])
    #expect(!fleet[busy].isDraining && !fleet[connected].isDraining)
  }

  @Test func withCullConnectedAnOpenTabKeepsNothing() {
    let fleet = fleet(endsConnected: true)
    let (busy, connected) = (jupyter(fleet), jupyter(fleet))
    fleet.activity(busy, busy: true)
    fleet.connections([connected: 2, busy: 1])
    cull(fleet, [busy, connected])
    #expect(fleet.status(connected) == .stopping)
    #expect(fleet.status(busy) == .busy, "a cell is activity")
  }

  @Test func aKernelThatWasTakenFromAPoolIsCulledAndThePoolGoesOn() {
    let fleet = fleet(pools: [Pool(name: "p", minimum: 0, maximum: 3, warm: 1)])
    fleet.send(.recovered([]))
    let warm = fleet.provide("p")[0]
    fleet.start(warm)
    let (_, ticket) = fleet.spawn(
      Specification(kernelspec: "lua", language: "lua", labels: ["source": "jupyter"]), mayTakeWarm: true)
    #expect(fleet.kernel(ticket)?.id == warm)
    cull(fleet, [warm])
    // The pool asks for one more at the same time: it is not served by somebody's variables.
    #expect(fleet[warm].isDraining)
    fleet.connections([:])
    #expect(fleet.status(warm) == .stopping)
  }

  @Test(arguments: [true, false])
  func aPolicyThatFailsOrHasNoOpinionEndsNothing(fails: Bool) {
    let fleet = fleet()
    let id = jupyter(fleet)
    fleet.pass(.seconds(60))
    fleet.answer(nil, failure: fails ? "cull.lua:3: oops" : nil)
    #expect(fleet.decisions.last?.isFallback == fails)
    #expect(fleet.decisions.last?.outcome == .scale(ScaleAnswer(wanted: 1)))
    fleet.connections([:])
    #expect(fleet.status(id) == .idle)
    fleet.pass(.seconds(60))
    #expect(fleet.lastQuestion == 2)
  }

  @Test func whatHasNoProcessGoesAtOnce() {
    let fleet = fleet()
    let id = jupyter(fleet)
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.status(id) == .exited)
    cull(fleet, [id])
    #expect(fleet.status(id) == nil)
  }
}
