// What a restart policy may decide.
import FleetEngine
import Testing

struct RestartPolicyTests {
  private func fleet() -> Harness {
    var configuration = EngineConfiguration()
    configuration.entries = [.route, .restart]
    return Harness(configuration)
  }

  @Test func itIsAskedAboutACrash() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.pass(.seconds(7))
    fleet.exited(id, ExitInfo(code: 3))
    #expect(fleet.status(id) == .backoff)
    #expect(fleet[id].retryAt == nil)
    #expect(
      fleet.lastSubject
        == .restart(
          Crash(
            uuid: id.uuid, exit: ExitInfo(code: 3), reason: "exited with code 3", recent: 1, uptime: 7, proposal: 0.5)))
    #expect(fleet.rows()[id.uuid]?.status == "backoff", "the policy sees it as it is")
    fleet.answer(.restart(.restart(after: 3)))
    #expect(fleet[id].retryAt == fleet.now + .seconds(3))
    fleet.pass(.seconds(3))
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.last?.outcome == .restart(.restart(after: 3)))
    #expect(fleet.decisions.last?.kernel == id)
  }

  @Test(arguments: [(0, 0.1), (-5, 0.1), (0.1, 0.1), (90_000, 3600), (.infinity, 3600)])
  func delaysAreBounded(asked: Double, allowed: Double) {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.answer(.restart(.restart(after: asked)))
    #expect(fleet[id].retryAt == fleet.now + .nanoseconds(Int64(allowed * 1e9)))
    #expect(fleet.decisions.last?.clamps.isEmpty == (asked == allowed))
  }

  @Test func itMayGiveUp() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.answer(.restart(.giveUp("hopeless")))
    #expect(fleet.status(id) == .failed)
    #expect(fleet.notes(.failed) == ["given up: hopeless"])
  }

  @Test func itMayBeMorePatientThanTheNativeRule() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    for number in 1...20 {
      fleet.exited(id)
      if number >= 5, case .restart(let crash) = fleet.lastSubject { #expect(crash.proposal == nil) }
      fleet.answer(.restart(.restart(after: 0)))
      fleet.pass(.milliseconds(100))
      fleet.start(id)
    }
    #expect(fleet.status(id) == .idle)
    #expect(fleet[id].restarts == 20)
  }

  @Test(arguments: [0, 1, 2, 3])
  func elseTheNativeRuleDecides(kind: Int) {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.exited(id)
    switch kind {
    case 0: fleet.answer(nil, failure: "oops")
    case 1: fleet.answer(nil, "no opinion")
    case 2: fleet.answer(.restart(.restart(after: .nan)))
    default: fleet.pass(.seconds(10))
    }
    #expect(fleet[id].retryAt == fleet.now + .milliseconds(500))
    #expect(fleet.decisions.last?.isFallback == (kind != 1))
  }

  @Test func whoActsMeanwhileWins() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    fleet.exited(id)
    _ = fleet.command(.restart(id))
    fleet.answer(.restart(.giveUp("late")))
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.last?.clamps == ["not carried out: somebody stopped or restarted it meanwhile"])
    fleet.start(id)
    fleet.exited(id)
    let stop = fleet.stop(id)
    #expect(fleet.kernel(stop)?.id == id)
    fleet.answer(.restart(.restart(after: 1)))
    #expect(fleet.status(id) == nil)
    #expect(fleet.decisions.count == 2)
  }

  @Test func theNativeRuleIsRecorded() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    #expect(fleet.decisions.last?.outcome == .restart(.restart(after: 0.5)))
    #expect(fleet.decisions.last?.policy == PolicyAnswer())
    #expect(fleet.decisions.last?.kernel == id)
  }

  @Test func whoWaitsIsTold() {
    let fleet = fleet()
    let id = fleet.idleKernel()
    let restart = fleet.command(.restart(id))
    fleet.exited(id, ExitInfo(code: 0))
    fleet.launched(id)
    fleet.exited(id, ExitInfo(code: 1))
    #expect(
      fleet.message(restart)
        == "\(id) did not start (exited with code 1); the restart policy decides when it is tried again")
  }
}
