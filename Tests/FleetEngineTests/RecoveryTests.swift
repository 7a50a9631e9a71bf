// A host has started anew: rows are compared with what lives.
import FleetEngine
import Testing

struct RecoveryTests {
  /// A row as a registry keeps it.
  private func row(_ status: Status, _ number: Int = 1, wasReady: Bool = true) -> Kernel {
    var kernel = Kernel(
      id: .number(number), serial: number, specification: .lua, key: "key", port: 9550 + 5 * number)
    kernel.status = status
    kernel.wasReady = wasReady
    kernel.generation = 3
    return kernel
  }

  private func recover(
    _ kernel: Kernel, _ fate: Recovered.Fate, backoff: Duration? = nil, isOtherBoot: Bool = false
  ) -> Harness {
    let fleet = Harness()
    fleet.send(.recovered([Recovered(kernel: kernel, fate: fate, backoff: backoff, isOtherBoot: isOtherBoot)]))
    return fleet
  }

  private let id = KernelID.number(1)

  @Test(arguments: [Status.idle, .busy, .unhealthy, .unknown, .backoff, .exited, .failed])
  func whatRunsIsAdoptedAndBusyUntilItAnswers(status: Status) {
    let fleet = recover(row(status), .running(.with(pid: 7)))
    #expect(fleet.status(id) == .busy)
    #expect(fleet.acts == ["adopt 1.3", "probe 1.3", "watch 1.3"])
    #expect(fleet.notes(.adopted) == ["pid 8"])
    fleet.pass(.seconds(3600))
    #expect(fleet.status(id) == .busy, "a long computation is no hang")
    fleet.ready(id)
    #expect(fleet.status(id) == .idle)
  }

  @Test func anAdoptedKernelThatWasStoppedByASignalIsHungThenIdle() {
    let fleet = recover(row(.idle), .running(.with(pid: 7)))
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    #expect(fleet.status(id) == .unhealthy)
    fleet.heartbeat(id, alive: true)
    #expect(fleet.status(id) == .busy)
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    fleet.ready(id)
    #expect(fleet.status(id) == .idle, "it answered")
  }

  @Test func aStartThatGoesOnIsProbedAndTimed() {
    let fleet = recover(row(.starting, wasReady: false), .running(.with(pid: 7)))
    #expect(fleet.acts == ["adopt 1.3", "probe 1.3"])
    fleet.pass(.seconds(60))
    #expect(fleet.acts.last == "kill 1.3")
    fleet.exited(id)
    #expect(fleet.status(id) == nil)
  }

  @Test func aStopThatGoesOnIsFinished() {
    let fleet = recover(row(.stopping), .running(.with(pid: 7)))
    #expect(fleet.acts == ["adopt 1.3", "terminate 1.3"])
    fleet.exited(id, ExitInfo(signal: 15))
    #expect(fleet.acts.suffix(2) == ["remove 1", "write nothing"])
  }

  @Test func aStopWhoseProcessIsGoneIsFinished() {
    #expect(recover(row(.stopping), .absent).acts == ["remove 1", "write nothing"])
    #expect(recover(row(.stopping), .ended(ExitInfo(code: 0))).acts == ["remove 1", "write nothing"])
    #expect(recover(row(.stopping), .absent, isOtherBoot: true).acts == ["remove 1", "write nothing"])
  }

  @Test func aRestartWhoseProcessIsGoneIsLaunched() {
    var kernel = row(.stopping)
    kernel.afterStop = .restart
    #expect(recover(kernel, .ended(ExitInfo(code: 0))).acts == ["sync 1 starting", "launch 1.4"])
  }

  @Test func aRestartWhoseProcessLivesIsGoneOnWith() {
    var kernel = row(.stopping)
    kernel.afterStop = .restart
    let fleet = recover(kernel, .running(.with(pid: 7)))
    fleet.exited(id)
    #expect(fleet.acts.suffix(2) == ["sync 1 starting", "launch 1.4"])
  }

  @Test func aFirstLaunchThatNeverHappenedLeavesNothing() {
    let fleet = recover(row(.starting, wasReady: false), .absent)
    #expect(fleet.acts == ["remove 1", "write nothing"])
    #expect(fleet.status(id) == nil)
  }

  @Test func aRelaunchThatNeverHappenedHappens() {
    let fleet = recover(row(.starting), .absent)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.3"])
    fleet.start(id)
    #expect(fleet.status(id) == .idle)
    #expect(fleet[id].restarts == 1)
  }

  @Test func whatCrashedMeanwhileIsRestarted() {
    let fleet = recover(row(.idle), .ended(ExitInfo(signal: 11)))
    #expect(fleet.status(id) == .backoff)
    #expect(fleet[id].exit == ExitInfo(signal: 11, isUnseen: true))
    fleet.pass(.milliseconds(500))
    #expect(fleet.acts.suffix(2) == ["sync 1 starting", "launch 1.4"])
  }

  @Test func whatEndedMeanwhileStaysEnded() {
    let fleet = recover(row(.busy), .ended(ExitInfo(code: 0)))
    #expect(fleet.status(id) == .exited)
    #expect(fleet.notes(.died) == ["exited with code 0, while no host ran"])
  }

  @Test func aFirstStartThatFailedMeanwhileLeavesNothing() {
    let fleet = recover(row(.starting, wasReady: false), .ended(ExitInfo(code: 1)))
    #expect(fleet.status(id) == nil)
  }

  @Test func aStartThatFoundItsPortTakenMeanwhileGoesOn() {
    let fleet = recover(row(.starting, wasReady: false), .ended(ExitInfo(code: 98)))
    #expect(fleet[id].port == 9560)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.4"])
  }

  @Test func aNewPortIsNoneOfThoseThatComeLater() {
    let fleet = Harness()
    fleet.send(
      .recovered([
        Recovered(kernel: row(.starting, 1, wasReady: false), fate: .ended(ExitInfo(code: 98))),
        Recovered(kernel: row(.idle, 2), fate: .running(.with(pid: 7))),
      ]))
    #expect(fleet[.number(1)].port == 9565)
  }

  @Test func rowsThatNameTheSamePortAreParted() {
    let fleet = Harness()
    var dead = row(.backoff, 1)
    dead.port = 9562
    fleet.send(
      .recovered([
        Recovered(kernel: dead, fate: .absent), Recovered(kernel: row(.idle, 2), fate: .running(.with(pid: 7))),
      ]))
    #expect(fleet[.number(1)].port == 9555)
    #expect(fleet[.number(2)].port == 9560)
    #expect(fleet.acts.last == "write 1 backoff")
  }

  @Test func whoseShimWasKilledIsRestarted() {
    let fleet = recover(row(.busy), .absent)
    #expect(fleet.status(id) == .backoff)
    #expect(fleet[id].exit?.isLost == true)
  }

  @Test(arguments: [Status.exited, .failed]) func theDeadStayDead(status: Status) {
    #expect(recover(row(status), .absent).status(id) == status)
    #expect(recover(row(status), .ended(ExitInfo(signal: 9))).status(id) == status)
    #expect(recover(row(status), .absent, isOtherBoot: true).status(id) == status)
  }

  @Test(arguments: [true, false]) func aDelayGoesOnWhereItWas(hasExitFile: Bool) {
    let fate = hasExitFile ? Recovered.Fate.ended(ExitInfo(signal: 9)) : .absent
    let fleet = recover(row(.backoff), fate, backoff: .seconds(7))
    fleet.pass(.milliseconds(6_999))
    #expect(fleet.status(id) == .backoff)
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts == ["sync 1 starting", "launch 1.4"])
  }

  @Test(arguments: [-5, Int64.min, Int64.max]) func aDelayThatCannotBeIsBounded(milliseconds: Int64) {
    let fleet = recover(row(.backoff), .absent, backoff: .milliseconds(milliseconds))
    fleet.pass(.seconds(60))
    #expect(fleet.status(id) == .starting)
  }

  @Test(arguments: [Status.idle, .busy, .unhealthy, .starting]) func anotherBootEndsEverything(status: Status) {
    let fleet = recover(row(status, wasReady: status != .starting), .absent, isOtherBoot: true)
    #expect(fleet.status(id) == .exited)
    #expect(fleet.notes(.died) == ["the machine was started anew"])
    let ticket = fleet.command(.restart(id))
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.status == .idle)
  }

  @Test func aStartThatAnotherBootKnowsMayHaveBeenAcknowledged() {
    let fleet = recover(row(.starting, wasReady: false), .ended(ExitInfo(signal: 11)), isOtherBoot: true)
    #expect(fleet.status(id) == .backoff, "that it answered was written, but need not have been synced")
  }

  @Test func whatCannotBeToldIsLeftAlone() {
    let fleet = recover(row(.idle), .unknown("its lock is held by a stranger"))
    #expect(fleet.status(id) == .unknown)
    #expect(fleet.acts == [])
    #expect(fleet.code(fleet.stop(id, force: true)) == .wrongState)
    #expect(fleet.code(fleet.command(.restart(id))) == .wrongState)
    _ = fleet.command(.cleanup)
    #expect(fleet.status(id) == .unknown)
    #expect(fleet.acts == [])
    fleet.send(.exited(id, generation: 3, ExitInfo(code: 0)))
    #expect(fleet.status(id) == .exited, "until its end is known")
  }

  @Test func aStopThatCouldNotBeToldIsFinishedWhenItsEndIsKnown() {
    let fleet = recover(row(.stopping), .unknown("its files cannot be read"))
    fleet.send(.exited(id, generation: 3, ExitInfo(signal: 9)))
    #expect(fleet.status(id) == nil)
  }

  @Test func theRowOfAKernelThatCannotBeToldIsLeftAlone() {
    let fleet = Harness()
    var former = row(.stopping, 50)
    former.sessions = ["s"]
    fleet.send(.recovered([Recovered(kernel: former, fate: .unknown("its files cannot be read"))]))
    let id = fleet.idleKernel()
    _ = fleet.find(Requirements(session: "s"))
    fleet.answer(1, .use(id.uuid))
    #expect(fleet.acts == ["ask 1", "write 51 idle"], "the next host must see that it was being stopped")
  }

  @Test func namesPortsSessionsAndNumbersAreKnownAgain() {
    let fleet = Harness()
    var alice = row(.idle, 5)
    alice.specification.name = "alice"
    alice.sessions = ["s"]
    fleet.send(
      .recovered([
        Recovered(kernel: alice, fate: .running(.with(pid: 7))),
        Recovered(kernel: row(.idle, 1), fate: .running(.with(pid: 9))),
      ]))
    #expect(fleet.engine.kernels.values.map(\.serial) == [1, 5])
    let (_, taken) = fleet.spawn(.lua(name: "alice"))
    #expect(fleet.code(taken) == .nameTaken)
    let (new, _) = fleet.spawn(.lua(name: "bob"))
    #expect(fleet[new].serial == 6)
    #expect(fleet[new].port == 9560)
    #expect(fleet.engine.kernel(named: "alice")?.id == .number(5))
    let ticket = fleet.find(Requirements(session: "s"))
    fleet.answer(1, nil)
    #expect(fleet.kernel(ticket)?.id == .number(5))
  }

  @Test func twoHundredKernelsAreAdoptedInOneCommit() {
    let fleet = Harness()
    fleet.send(
      .recovered(
        (1...200).map { Recovered(kernel: row(.idle, $0), fate: $0 % 2 == 0 ? .absent : .running(.with(pid: 7))) }))
    #expect(fleet.acts.filter { $0.hasPrefix("adopt") }.count == 100)
    #expect(fleet.acts.filter { $0.hasPrefix("write") || $0.hasPrefix("sync") }.count == 1)
  }
}
