// The ordinary life of a kernel: spawned, ready, busy, hung, ended.
import FleetEngine
import Testing

struct LifeTests {
  @Test func nothingIsLaunchedBeforeItsIntentIsOnTheDisk() {
    let fleet = Harness()
    fleet.commitsByItself = false
    let (id, ticket) = fleet.spawn()
    #expect(fleet.acts == ["sync 1 starting"])
    fleet.commit(1)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.1"])
    #expect(fleet.status(id) == .starting)
    #expect(fleet.answers[ticket] == nil)
  }

  @Test func isAcknowledgedWhenItAnswersAndItsRowIsWritten() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.commitsByItself = false
    fleet.forget()
    fleet.ready(id)
    #expect(fleet.acts == ["watch 1.1", "write 1 idle"])
    #expect(fleet.answers[ticket] == nil)
    fleet.commit(fleet.commits[0])
    #expect(fleet.kernel(ticket)?.status == .idle)
    #expect(fleet.kernel(ticket)?.process == .with(pid: 100))
  }

  @Test func theStoryOfASpawn() {
    let fleet = Harness()
    let (id, _) = fleet.spawn(.lua(config: "/etc/openai.toml"))
    fleet.start(id)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.1", "probe 1.1", "watch 1.1", "write 1 idle"])
    #expect(fleet.notes(.spawned) == ["lua with openai.toml on port 9555"])
    #expect(fleet.notes(.ready) == ["pid 101"])
    #expect(fleet[id].nonce == "\(id.uuid).1")
  }

  @Test func aFailedIntentStartsNothingAndLeavesNothing() {
    let fleet = Harness()
    fleet.commitsByItself = false
    let (id, ticket) = fleet.spawn()
    fleet.failCommit(1)
    #expect(fleet.acts == ["sync 1 starting", "remove 1", "sync nothing"])
    #expect(fleet.code(ticket) == .storage)
    #expect(fleet.message(ticket)?.contains("the disk is full") == true)
    #expect(fleet.status(id) == nil)
    #expect(fleet.engine.ports.isFree(9555, now: fleet.now))
  }

  @Test func aFailedFirstLaunchLeavesNothing() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.send(.launchFailed(id, generation: 1, LaunchFailure(reason: "no such program")))
    #expect(fleet.code(ticket) == .startFailed)
    #expect(fleet.message(ticket) == "\(id) did not start: no such program")
    #expect(fleet.status(id) == nil)
    #expect(fleet.acts.suffix(2) == ["remove 1", "write nothing"])
  }

  @Test func aKernelThatDiesBeforeItAnswersSaysItsLastWords() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.exited(id, ExitInfo(code: 1, detail: "syntax error"))
    #expect(fleet.code(ticket) == .startFailed)
    #expect(
      fleet.message(ticket)
        == "\(id) ended before it answered: it exited with code 1; its last words:\nsyntax error")
    #expect(fleet.status(id) == nil)
  }

  @Test func aCleanExitBeforeTheFirstAnswerIsAFailedStart() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.code(ticket) == .startFailed)
    #expect(fleet.status(id) == nil)
  }

  @Test func aStartThatTakesTooLongIsKilled() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.pass(.milliseconds(59_999))
    #expect(fleet.status(id) == .starting)
    fleet.forget()
    fleet.pass(.milliseconds(1))
    #expect(fleet.status(id) == .stopping)
    #expect(fleet.acts == ["kill 1.1"])
    fleet.exited(id)
    #expect(fleet.message(ticket) == "\(id) did not start: it did not answer within 60 s")
    #expect(fleet.status(id) == nil)
  }

  @Test func readyInTimeForgetsTheStartTimeOut() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.pass(.seconds(3600))
    #expect(fleet.status(id) == .idle)
    #expect(fleet.acts == [])
  }

  @Test func busyAndIdleFollowWhatTheKernelSays() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.activity(id, busy: true)
    #expect(fleet.status(id) == .busy)
    #expect(fleet.rows()[id.uuid]?.status == "busy")
    fleet.activity(id, busy: false)
    #expect(fleet.status(id) == .idle)
    #expect(fleet.acts == [], "busy and idle are not durable")
  }

  @Test func aCleanExitIsRespected() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.status(id) == .exited)
    #expect(fleet[id].process == nil)
    #expect(fleet.notes(.died) == ["exited with code 0"])
    fleet.pass(.seconds(600))
    #expect(fleet.status(id) == .exited)
  }

  @Test func cleanupRemovesOnlyWhatHasEnded() {
    let fleet = Harness()
    let alive = fleet.idleKernel()
    let ended = fleet.idleKernel()
    fleet.exited(ended, ExitInfo(code: 0))
    fleet.forget()
    let ticket = fleet.command(.cleanup)
    guard case .success(.removed(let removed)) = fleet.answers[ticket] else {
      Issue.record("no answer")
      return
    }
    #expect(removed.map(\.id) == [ended])
    #expect(fleet.acts == ["remove 2", "sync nothing"])
    #expect(fleet.status(alive) == .idle)
    let again = fleet.command(.cleanup)
    guard case .success(.removed(let none)) = fleet.answers[again] else {
      Issue.record("no answer")
      return
    }
    #expect(none.isEmpty)
  }

  @Test func interruptNeedsSomebodyWhoListens() {
    let fleet = Harness()
    let (starting, _) = fleet.spawn()
    let early = fleet.command(.interrupt(starting))
    #expect(fleet.code(early) == .wrongState)
    fleet.start(starting)
    fleet.activity(starting, busy: true)
    fleet.forget()
    let ticket = fleet.command(.interrupt(starting))
    #expect(fleet.acts == ["interrupt 1.1"])
    #expect(fleet.kernel(ticket)?.status == .busy)
  }

  @Test func commandsForAKernelThatIsNotThereAreAnswered() {
    let fleet = Harness()
    for command in [
      Command.restart(.number(9)), .interrupt(.number(9)), .stop(.number(9), force: false, timeout: .zero),
    ] {
      #expect(fleet.code(fleet.command(command)) == .kernelNotFound)
    }
  }
}
