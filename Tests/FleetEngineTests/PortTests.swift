// Base ports: the lowest that is free, never shared, another one when a stranger holds it.
import FleetEngine
import Testing

struct PortTests {
  private func portTaken(_ fleet: Harness, _ id: KernelID) {
    let failure = LaunchFailure(reason: "port \(fleet[id].port) is in use", portTaken: true)
    fleet.send(.launchFailed(id, generation: fleet[id].generation, failure))
  }

  @Test func kernelsTakeTheLowestFreeBase() {
    let fleet = Harness()
    let ids = (1...3).map { _ in fleet.idleKernel() }
    #expect(ids.map { fleet[$0].port } == [9555, 9560, 9565])
    _ = fleet.stop(ids[1])
    fleet.exited(ids[1])
    #expect(fleet[fleet.idleKernel()].port == 9560)
    #expect(fleet[fleet.idleKernel()].port == 9570)
  }

  /// Users come round after 65,535 kernels, but none to two that are there at once.
  @Test func nobodyGetsAnothersUser() {
    let fleet = Harness(totalSpawned: 65_534)
    var old = Kernel(
      id: .number(77), serial: 1, specification: .lua, key: "", port: 9555)
    old.status = .idle
    old.generation = 1
    fleet.send(.recovered([Recovered(kernel: old, fate: .running(.with(pid: 7)))]))
    let ids = (1...2).map { _ in fleet.idleKernel() }
    #expect(ids.map { fleet[$0].serial } == [65_535, 65_537])
    #expect(([old.id] + ids).map { fleet[$0].userOffset } == [1, 65_535, 2])
  }

  @Test func aStrangersPortIsPassedOver() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.forget()
    portTaken(fleet, id)
    #expect(fleet[id].port == 9560)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.2"])
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.port == 9560)
    #expect(fleet[fleet.idleKernel()].port == 9565, "the stranger's port is left alone for a while")
    fleet.pass(.seconds(60))
    #expect(fleet[fleet.idleKernel()].port == 9555)
  }

  @Test func aKernelThatCouldNotBindIsStartedOnTheNextPort() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.exited(id, ExitInfo(code: 98))
    #expect(fleet[id].port == 9560)
    let isForgotten = fleet.effects.contains { if case .unwatch(id) = $0 { true } else { false } }
    #expect(isForgotten, "nobody asks the old port any more")
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.status == .idle)
    #expect(fleet[id].restarts == 0)
  }

  @Test func fiveTakenPortsAreEnough() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    for port in [9555, 9560, 9565, 9570] {
      #expect(fleet[id].port == port)
      portTaken(fleet, id)
    }
    #expect(fleet.answers[ticket] == nil)
    portTaken(fleet, id)
    #expect(fleet.code(ticket) == .startFailed)
    #expect(fleet.message(ticket)?.contains("port 9575 is in use") == true)
    #expect(fleet.status(id) == nil)
  }

  @Test func aPortThatTheUserInsistsOnIsNotReplaced() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn(.lua(port: 9700))
    #expect(fleet[id].port == 9700)
    portTaken(fleet, id)
    #expect(fleet.message(ticket)?.contains("port 9700 is in use") == true)
  }

  @Test(arguments: [9551, 9555, 9557, 9559]) func overlappingPortsAreRefused(port: Int) {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let (_, ticket) = fleet.spawn(.lua(port: port))
    #expect(fleet.code(ticket) == .limit)
    #expect(fleet.message(ticket)?.contains(id.description) == true)
  }

  @Test(arguments: [Int.min, -1, 0, 65_532, 65_536, Int.max]) func portsThatDoNotExistAreRefused(port: Int) {
    let fleet = Harness()
    let (_, ticket) = fleet.spawn(.lua(port: port))
    #expect(fleet.code(ticket) == .badRequest)
  }

  @Test func theLastPortsCanBeUsed() {
    let fleet = Harness()
    let (id, _) = fleet.spawn(.lua(port: 65_531))
    #expect(fleet.status(id) == .starting)
  }

  @Test func kernelsKeepClearOfOddPorts() {
    let fleet = Harness()
    _ = fleet.idleKernel(.lua(port: 9558))
    #expect(fleet[fleet.idleKernel()].port == 9565)
  }

  @Test func noPortsLeftIsSaid() {
    var configuration = EngineConfiguration()
    configuration.basePort = 65_530
    let fleet = Harness(configuration)
    _ = fleet.idleKernel()
    let (_, ticket) = fleet.spawn()
    #expect(fleet.code(ticket) == .limit)
  }

  @Test func aRestartStartsCountingConflictsAnew() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for round in 1...3 {
      _ = fleet.command(.restart(id))
      fleet.exited(id)
      for _ in 1...4 { portTaken(fleet, id) }
      fleet.start(id)
      #expect(fleet.status(id) == .idle, "round \(round)")
    }
  }
}
