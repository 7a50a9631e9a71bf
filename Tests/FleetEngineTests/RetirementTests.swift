// Drain before retire: scaling ends nothing that somebody has.
import FleetEngine
import Testing

struct RetirementTests {
  /// A policy's pool with so many kernels that answer.
  private func fleet(_ count: Int, maximum: Int = 8) -> (Harness, [KernelID]) {
    let fleet = Harness.pooled(count, maximum, entries: [.route, .scale]) { $0.downWindow = .zero }
    // The minimum made them; policies could not go below it.
    let ids = fleet.fill()
    return (fleet, ids)
  }

  private func scaled(_ count: Int) -> (Harness, [KernelID]) {
    let fleet = Harness.pooled(0, 8, entries: [.route, .scale]) {
      $0.downWindow = .zero
      $0.tolerance = 0
      $0.upStep = ScalingStep()
    }
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: count)))
    let ids = fleet.fill()
    return (fleet, ids)
  }

  private func answer(_ fleet: Harness, _ wanted: Int, retire: [KernelID] = []) {
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: wanted, retire: retire.map(\.description))))
  }

  @Test func whoHasAClientIsOnlyMarked() {
    let (fleet, ids) = scaled(1)
    fleet.connections([ids[0]: 1])
    fleet.forget()
    answer(fleet, 0)
    #expect(fleet[ids[0]].isDraining)
    #expect(fleet[ids[0]].shownStatus == .stopping)
    #expect(fleet.acts.contains("write 1 idle"), "a host that is started meanwhile goes on with it")
    fleet.connections([ids[0]: 1])
    fleet.pass(.seconds(14))
    #expect(fleet.status(ids[0]) == .idle)
    fleet.connections([:])
    #expect(fleet.status(ids[0]) == .stopping)
    #expect(fleet.notes(.stopping) == ["retired by the scale policy of pool p, and nobody has it"])
  }

  @Test func nobodyNewGetsIt() {
    let (fleet, ids) = scaled(1)
    fleet.connections([ids[0]: 1])
    answer(fleet, 0)
    let ticket = fleet.find()
    fleet.answer(.route(.use(ids[0].uuid)))
    #expect(fleet.kernel(ticket) == nil)
    #expect(fleet.decisions.last?.isFallback == true || fleet.decisions.last?.spawned == true)
    let restart = fleet.command(.restart(ids[0]))
    #expect(fleet.message(restart) == "\(ids[0]) is being retired; spawn a new one")
  }

  @Test func aReservationAndARunningCellAreWaitedFor() {
    let (fleet, ids) = scaled(2)
    let ticket = fleet.find()
    fleet.answer(.route(.use(ids[0].uuid)))
    #expect(fleet.kernel(ticket)?.id == ids[0])
    fleet.pass(.seconds(2))
    fleet.activity(ids[1], busy: true)
    answer(fleet, 0)
    fleet.connections([:])
    #expect(fleet.status(ids[0]) == .stopping, "its client never came")
    #expect(fleet.status(ids[1]) == .busy)
    fleet.activity(ids[1], busy: false)
    #expect(fleet.status(ids[1]) == .stopping)
  }

  @Test func aHungKernelWithARunningCellIsWaitedFor() {
    let (fleet, ids) = scaled(1)
    fleet.pass(.seconds(2))
    fleet.activity(ids[0], busy: true)
    answer(fleet, 0)
    for _ in 1...3 { fleet.heartbeat(ids[0], alive: false) }
    fleet.connections([:])
    #expect(fleet.status(ids[0]) == .unhealthy)
    fleet.activity(ids[0], busy: false)
    #expect(fleet.status(ids[0]) == .stopping)
  }

  /// What is known of connections may be seconds old.
  @Test func nothingEndsBeforeAFreshLook() {
    let (fleet, ids) = scaled(1)
    answer(fleet, 0)
    #expect(fleet.acts.contains("count"))
    fleet.connections([ids[0]: 1])
    #expect(fleet.status(ids[0]) == .idle)
    fleet.forget()
    fleet.pass(.seconds(5))
    #expect(fleet.acts.contains("count"), "again and again")
    fleet.connections([:])
    #expect(fleet.status(ids[0]) == .stopping)
  }

  @Test func theListOfThePolicyGoesFirstThenTheLongestIdle() {
    let (fleet, ids) = scaled(4)
    fleet.pass(.seconds(2))
    for id in [ids[1], ids[0], ids[2]] {
      fleet.activity(id, busy: true)
      fleet.activity(id, busy: false)
      fleet.pass(.milliseconds(100))
    }
    answer(fleet, 2, retire: [ids[3]])
    #expect(Set(fleet.engine.kernels.values.filter(\.isDraining).map(\.id)) == [ids[3], ids[1]])
  }

  @Test func aListWithStrangersIsCorrected() {
    let (fleet, ids) = scaled(2)
    _ = fleet.spawn(mayTakeWarm: true)
    let stranger = fleet.idleKernel(.lua(name: "other"))
    answer(fleet, 1, retire: [ids[0], stranger, .number(99), ids[1]])
    #expect(
      fleet.decisions.last?.clamps == [
        "asked to retire \(ids[0]), kept it: somebody took it",
        "asked to retire '\(stranger)', which is no kernel of this pool",
        "asked to retire '\(KernelID.number(99))', which is no kernel of this pool",
      ])
    #expect(fleet.engine.kernels.values.filter(\.isDraining).map(\.id) == [ids[1]])
  }

  @Test func whoIsNeededAgainIsKept() {
    let (fleet, ids) = scaled(2)
    fleet.connections([ids[0]: 1, ids[1]: 1])
    answer(fleet, 1)
    #expect(fleet[ids[0]].isDraining || fleet[ids[1]].isDraining)
    fleet.forget()
    answer(fleet, 2)
    #expect(fleet.acts.count { $0.hasPrefix("write") } == 1, "a host that is started meanwhile does not go on with it")
    #expect(fleet.engine.kernels.values.allSatisfy { !$0.isDraining })
    #expect(!fleet.acts.contains { $0.hasPrefix("provide") })
    #expect(fleet.notes(.undrained).count == 1)
    fleet.connections([:])
    #expect(fleet.engine.kernels.values.allSatisfy { $0.status == .idle })
  }

  @Test func whatIsStartingIsEndedAtOnceUnlessSomebodyWaits() {
    let fleet = Harness.pooled(0, 8, entries: [.route, .scale]) { $0.downWindow = .zero }
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: 2)))
    let ids = fleet.provide("p")
    _ = fleet.find()
    fleet.answer(.route(.use(ids[0].uuid)))
    answer(fleet, 0)
    #expect(fleet.status(ids[1]) == .stopping)
    #expect(fleet.status(ids[0]) == .starting)
  }

  @Test func aCrashEndsIt() {
    let (fleet, ids) = scaled(1)
    fleet.connections([ids[0]: 1])
    answer(fleet, 0)
    fleet.exited(ids[0])
    #expect(fleet.status(ids[0]) == nil, "it was to go anyway")
  }

  @Test func theMinimumStays() {
    let (fleet, ids) = fleet(2)
    answer(fleet, 0, retire: ids)
    #expect(fleet.decisions.last?.clamps.last == "asked 0, allowed 2: the pool's minimum")
    #expect(fleet.engine.kernels.values.allSatisfy { !$0.isDraining })
  }

  @Test func aRestartOfTheHostForgetsNothing() {
    var configuration = EngineConfiguration()
    configuration.pools = [Pool(name: "p", minimum: 0, maximum: 4)]
    configuration.entries = [.route, .scale]
    let fleet = Harness(configuration)
    var kernel = Kernel(
      id: .number(77), serial: 1, specification: Specification(kernelspec: "lua", language: "lua", pool: "p"), key: "",
      port: 9555)
    kernel.status = .idle
    kernel.wasReady = true
    kernel.isDraining = true
    fleet.send(.recovered([Recovered(kernel: kernel, fate: .running(.with(pid: 7)))]))
    #expect(fleet.acts.contains("count"))
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
    fleet.ready(kernel.id)
    fleet.connections([:])
    #expect(fleet.status(kernel.id) == .stopping)
  }
}
