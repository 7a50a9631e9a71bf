// What is measured of kernels: latencies, idle times, samples.
import FleetEngine
import Testing

struct LatencyTests {
  private func run(_ fleet: Harness, _ id: KernelID, _ duration: Duration) {
    fleet.activity(id, busy: true)
    fleet.pass(duration)
    fleet.activity(id, busy: false)
  }

  @Test func theLatencyIsThatOfExecutions() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    #expect(fleet[id].latency == nil)
    run(fleet, id, .seconds(2))
    #expect(fleet[id].latency == 2)
    #expect(fleet.rows()[id.uuid]?.latency == 2)
    run(fleet, id, .seconds(1))
    let latency = fleet[id].latency ?? 0
    #expect(latency < 2 && latency > 1.8)
    run(fleet, id, .seconds(3))
    #expect(fleet[id].latency == 3)
  }

  @Test func busyTwiceIsOneExecution() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.activity(id, busy: true)
    fleet.pass(.seconds(1))
    run(fleet, id, .seconds(1))
    #expect(fleet[id].latency == 2)
    fleet.activity(id, busy: false)
    #expect(fleet[id].latency == 2)
  }

  /// Else nobody would ever try a kernel again that was slow once.
  @Test func itSinksWhileNothingRuns() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    run(fleet, id, .seconds(2))
    fleet.pass(.seconds(10))
    fleet.send(.samples([:]))
    let latency = fleet[id].latency ?? 0
    #expect(abs(latency - 2 * 0.3679) < 0.01)
    for _ in 1...20 {
      fleet.pass(.seconds(10))
      fleet.send(.samples([:]))
    }
    fleet.forget()
    fleet.pass(.seconds(10))
    fleet.send(.samples([:]))
    #expect(fleet.effects.isEmpty, "one day it is as good as nothing")
  }

  @Test func anExecutionThatTakesLongIsBadNewsAlready() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    run(fleet, id, .seconds(1))
    fleet.activity(id, busy: true)
    fleet.pass(.seconds(30))
    fleet.send(.samples([:]))
    #expect(fleet[id].latency == 30)
  }

  @Test func sinceWhenItIsIdle() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    #expect(fleet[id].idleSince == fleet.now)
    fleet.activity(id, busy: true)
    #expect(fleet[id].idleSince == nil)
    fleet.pass(.seconds(1))
    fleet.activity(id, busy: false)
    let since = fleet.now
    fleet.pass(.seconds(1))
    fleet.activity(id, busy: false)
    #expect(fleet[id].idleSince == since)
  }

  @Test func aNewProcessBeginsAnew() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    run(fleet, id, .seconds(2))
    fleet.send(.samples([id: Sample(memory: 7, cpu: 1)]))
    #expect(fleet[id].sample?.memory == 7)
    fleet.exited(id)
    #expect(fleet[id].latency == nil && fleet[id].sample == nil && fleet[id].idleSince == nil)
    #expect(fleet[id].readySince == nil)
  }

  @Test func aSampleThatChangesNothingIsNoNews() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.send(.samples([id: Sample(memory: 7)]))
    #expect(fleet.rows()[id.uuid]?.memory == 7)
    fleet.forget()
    fleet.send(.samples([id: Sample(memory: 7)]))
    #expect(fleet.effects.isEmpty)
  }

  @Test func anAdoptedKernelHasNoLatencyYet() {
    let fleet = Harness()
    var kernel = Kernel(id: .number(1), serial: 1, specification: .lua, key: "", port: 9555)
    kernel.status = .busy
    kernel.wasReady = true
    fleet.send(.recovered([Recovered(kernel: kernel, fate: .running(.with(pid: 7)))]))
    fleet.pass(.seconds(100))
    fleet.ready(kernel.id)
    #expect(fleet[kernel.id].latency == nil)
    #expect(fleet[kernel.id].idleSince == fleet.now)
  }
}
