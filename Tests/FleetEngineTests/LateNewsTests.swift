// Events that come late, twice, or in another order than things happened.
import FleetEngine
import Testing

struct LateNewsTests {
  @Test func newsOfAnEarlierLaunchIsNotNews() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.command(.restart(id))
    fleet.exited(id)
    fleet.launched(id)
    let before = fleet[id]
    fleet.forget()
    fleet.send(.exited(id, generation: 1, ExitInfo(signal: 9)))
    fleet.send(.ready(id, generation: 1))
    fleet.send(.launched(id, generation: 1, .with(pid: 1)))
    fleet.send(.launchFailed(id, generation: 1, LaunchFailure(reason: "late")))
    fleet.send(.activity(id, generation: 1, busy: true))
    for _ in 1...3 { fleet.send(.heartbeat(id, generation: 1, alive: false)) }
    #expect(fleet[id] == before)
    #expect(fleet.effects.isEmpty)
  }

  @Test func newsOfAKernelThatIsGoneIsNotNews() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.stop(id)
    fleet.exited(id)
    fleet.forget()
    fleet.send(.exited(id, generation: 1, ExitInfo(signal: 9)))
    fleet.send(.ready(id, generation: 1))
    fleet.send(.heartbeat(id, generation: 1, alive: true))
    fleet.send(.connections([id: 3]))
    #expect(fleet.effects.isEmpty)
  }

  @Test func anEndThatIsToldTwiceIsOneCrash() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.exited(id)
    #expect(fleet[id].recentExits.count == 1)
    #expect(fleet.notes(.died).count == 1)
  }

  @Test func aLaunchThatIsToldTwiceIsOneLaunch() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.launched(id)
    #expect(fleet.status(id) == .idle)
    #expect(fleet.effects.isEmpty)
    fleet.exited(id)
    fleet.launched(id)
    #expect(fleet[id].process == nil)
    #expect(fleet.status(id) == .backoff)
  }

  @Test func anEndThatIsKnownBeforeTheLaunchCounts() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.exited(id, ExitInfo(code: 3))
    #expect(fleet.code(ticket) == .startFailed)
    fleet.send(.launched(id, generation: 1, .with(pid: 100)))
    #expect(fleet.status(id) == nil)
  }

  @Test func anEndThatIsKnownBeforeTheLaunchEndsAStop() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    let ticket = fleet.stop(id)
    fleet.exited(id, ExitInfo(code: 3))
    #expect(fleet.kernel(ticket)?.id == id)
  }

  @Test func anAnswerBeforeTheLaunchIsNotBelieved() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    fleet.ready(id)
    #expect(fleet.status(id) == .starting)
    fleet.launched(id)
    #expect(fleet.status(id) == .starting)
  }

  @Test func commitsMayBeAnsweredInAnyOrderAndTwice() {
    let fleet = Harness()
    fleet.commitsByItself = false
    let (first, _) = fleet.spawn()
    let (second, _) = fleet.spawn()
    fleet.commit(2)
    fleet.commit(2)
    fleet.failCommit(2)
    #expect(fleet.acts.filter { $0.hasPrefix("launch") } == ["launch 2.1"])
    fleet.commit(1)
    fleet.commit(7)
    #expect(fleet.acts.filter { $0.hasPrefix("launch") } == ["launch 2.1", "launch 1.1"])
    #expect(fleet.status(first) == .starting && fleet.status(second) == .starting)
  }
}
