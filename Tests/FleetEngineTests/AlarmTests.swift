// When the engine asks to be woken.
import FleetEngine
import Testing

struct AlarmTests {
  @Test func anEarlyTickAsksToBeWokenAgain() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.forget()
    fleet.send(.tick)
    guard case .wake(let at)? = fleet.effects.last else {
      Issue.record("whoever woke too early would never wake again")
      return
    }
    #expect(at == fleet.now + .milliseconds(500))
  }
}
