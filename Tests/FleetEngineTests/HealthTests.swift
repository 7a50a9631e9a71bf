// Hung is not busy: only missed heartbeats make a kernel unhealthy.
import FleetEngine
import Testing

struct HealthTests {
  @Test func threeMissesMakeAKernelUnhealthy() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.heartbeat(id, alive: false)
    fleet.heartbeat(id, alive: false)
    #expect(fleet.status(id) == .idle)
    fleet.heartbeat(id, alive: false)
    #expect(fleet.status(id) == .unhealthy)
    #expect(fleet.notes(.unhealthy) == ["no heartbeat: 3 missed"])
    fleet.heartbeat(id, alive: false)
    #expect(fleet.notes(.unhealthy).count == 1)
  }

  @Test func oneBeatForgivesTheMisses() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for alive in [false, false, true, false, false] { fleet.heartbeat(id, alive: alive) }
    #expect(fleet.status(id) == .idle)
  }

  @Test(arguments: [true, false]) func recoversToWhatItSaidLast(isBusy: Bool) {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    fleet.activity(id, busy: isBusy)
    #expect(fleet.status(id) == .unhealthy, "what was on the way says nothing about now")
    fleet.heartbeat(id, alive: true)
    #expect(fleet.status(id) == (isBusy ? .busy : .idle))
    #expect(fleet.notes(.recovered).count == 1)
  }

  @Test func aBusyKernelWhoseHeartBeatsIsHealthy() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.activity(id, busy: true)
    for _ in 1...1000 {
      fleet.pass(.seconds(5))
      fleet.heartbeat(id, alive: true)
    }
    #expect(fleet.status(id) == .busy)
    #expect(fleet.notes(.unhealthy) == [])
  }

  @Test func anUnhealthyKernelIsNotHandedOut() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    let ticket = fleet.find()
    fleet.answer(1, .use(id.uuid))
    #expect(fleet.answers[ticket] == nil)
    #expect(fleet.engine.kernels.count == 2, "the native rule starts a new one")
  }

  @Test func anUnhealthyKernelThatEndsIsRestarted() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    fleet.exited(id)
    #expect(fleet.status(id) == .backoff)
  }

  @Test func stoppingAHungKernelDoesNotAskIt() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    fleet.forget()
    _ = fleet.stop(id)
    #expect(fleet.acts == ["sync 1 stopping", "terminate 1.1"])
  }
}
