// Restarts: asked for, or after a crash, with exact delays and an end.
import FleetEngine
import Testing

struct RestartTests {
  @Test func aLiveKernelIsStoppedAndLaunchedAgainAsItself() {
    let fleet = Harness()
    let id = fleet.idleKernel(.lua(name: "alice"))
    let before = fleet[id]
    let ticket = fleet.command(.restart(id))
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1"])
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.acts.suffix(2) == ["sync 1 starting", "launch 1.2"])
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.status == .idle)
    let after = fleet[id]
    #expect(after.restarts == 1)
    #expect((after.port, after.key, after.serial) == (before.port, before.key, before.serial))
    #expect(after.nonce != before.nonce)
    #expect(fleet.notes(.restarted) == ["pid 201"])
  }

  @Test func aDeadKernelIsLaunchedAgain() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id, ExitInfo(code: 0))
    fleet.forget()
    let ticket = fleet.command(.restart(id))
    #expect(fleet.acts == ["sync 1 starting", "launch 1.2"])
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.status == .idle)
  }

  @Test func aWaitingKernelIsLaunchedAtOnce() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    _ = fleet.command(.restart(id))
    fleet.start(id)
    fleet.forget()
    fleet.pass(.seconds(60))
    #expect(fleet.acts == [], "the delay that it did not wait for is forgotten")
    #expect(fleet.status(id) == .idle)
  }

  @Test func restartThenStopEndsInAStop() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let restart = fleet.command(.restart(id))
    let stop = fleet.stop(id)
    fleet.exited(id)
    #expect(fleet.code(restart) == .wrongState)
    #expect(fleet.kernel(stop)?.id == id)
    #expect(fleet.status(id) == nil)
  }

  @Test func aStartingKernelIsNotRestarted() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    #expect(fleet.code(fleet.command(.restart(id))) == .wrongState)
  }

  @Test func crashesAreFollowedByDoublingDelaysAndGivenUpAtTheFifth() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for (crash, delay) in [500, 1_000, 2_000, 4_000].enumerated() {
      fleet.exited(id)
      #expect(fleet.status(id) == .backoff)
      #expect(fleet[id].retryAt == fleet.now + .milliseconds(delay))
      fleet.forget()
      fleet.pass(.milliseconds(delay - 1))
      #expect(fleet.acts == [])
      fleet.pass(.milliseconds(1))
      #expect(fleet.acts == ["sync 1 starting", "launch 1.\(crash + 2)"])
      fleet.start(id)
    }
    fleet.forget()
    fleet.exited(id)
    #expect(fleet.status(id) == .failed)
    #expect(fleet.notes(.failed) == ["given up: 5 exits within 60 s"])
    fleet.pass(.seconds(3600))
    #expect(fleet.status(id) == .failed)
    #expect(fleet[id].restarts == 4)
  }

  @Test func sixtySecondsOfLifeForgiveEarlierCrashes() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...20 {
      fleet.exited(id)
      #expect(fleet[id].retryAt == fleet.now + .milliseconds(500))
      fleet.pass(.milliseconds(500))
      fleet.start(id)
      fleet.pass(.seconds(60))
    }
    #expect(fleet.status(id) == .idle)
  }

  @Test func lessThanSixtySecondsForgiveNothing() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.pass(.milliseconds(500))
    fleet.start(id)
    fleet.pass(.milliseconds(59_999))
    fleet.exited(id)
    #expect(fleet[id].retryAt == fleet.now + .seconds(1))
  }

  @Test func slowCrashersWaitAtMostAMinute() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    var delays: [Double] = []
    for _ in 1...9 {
      fleet.pass(.seconds(20))
      fleet.exited(id)
      guard let retryAt = fleet[id].retryAt else { break }
      delays.append((retryAt - fleet.now).seconds)
      fleet.pass(retryAt - fleet.now)
      fleet.start(id)
    }
    #expect(delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func aRestartByHandForgivesTheCrashes() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...4 {
      fleet.exited(id)
      fleet.pass(.seconds(10))
      fleet.start(id)
    }
    let ticket = fleet.command(.restart(id))
    fleet.exited(id)
    fleet.start(id)
    #expect(fleet.kernel(ticket) != nil)
    fleet.exited(id)
    #expect(fleet[id].retryAt == fleet.now + .milliseconds(500))
  }

  @Test func failedLaunchesOfAKnownKernelCountLikeCrashes() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    for _ in 1...4 {
      #expect(fleet.status(id) == .backoff)
      fleet.pass(.seconds(4))
      fleet.send(.launchFailed(id, generation: fleet[id].generation, LaunchFailure(reason: "no memory")))
    }
    #expect(fleet.status(id) == .failed)
    #expect(fleet[id].exit == ExitInfo(signal: 9), "how its last process ended stays known")
  }

  @Test func whoWaitsForARestartThatFailsIsTold() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let restart = fleet.command(.restart(id))
    fleet.exited(id)
    let find = fleet.find()
    fleet.answer(1, .use(id.uuid))
    fleet.launched(id)
    fleet.exited(id, ExitInfo(code: 1))
    #expect(fleet.status(id) == .backoff)
    #expect(fleet.message(restart) == "\(id) did not start (exited with code 1); it is tried again in 0.5 s")
    #expect(fleet.code(find) == .startFailed)
  }

  @Test func whoWaitsForARestartThatHangsIsTold() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let restart = fleet.command(.restart(id))
    fleet.exited(id)
    fleet.launched(id)
    fleet.pass(.seconds(60))
    fleet.exited(id)
    #expect(fleet.status(id) == .backoff)
    #expect(fleet.code(restart) == .startFailed)
  }
}
