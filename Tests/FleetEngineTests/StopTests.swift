// The end that somebody asked for: in which order, how fast, and who is told.
import FleetEngine
import Testing

struct StopTests {
  @Test func asksThenTerminatesThenKills() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.stop(id, timeout: .seconds(3))
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1"])
    fleet.pass(.milliseconds(2_999))
    #expect(fleet.acts.count == 2)
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts.last == "terminate 1.1")
    fleet.pass(.milliseconds(1_999))
    #expect(fleet.acts.count == 3)
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts.last == "kill 1.1")
    fleet.pass(.seconds(2))
    #expect(fleet.acts.suffix(2) == ["kill 1.1", "kill 1.1"], "what cannot be killed yet is killed again")
    #expect(fleet.answers[ticket] == nil)
    fleet.exited(id)
    #expect(fleet.kernel(ticket)?.exit == ExitInfo(signal: 9))
    #expect(fleet.acts.suffix(2) == ["remove 1", "write nothing"])
    #expect(fleet.status(id) == nil)
  }

  @Test func whoLeavesWhenAskedIsNotSignalled() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.stop(id)
    fleet.pass(.seconds(1))
    fleet.exited(id, ExitInfo(code: 0))
    fleet.pass(.seconds(60))
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1", "remove 1", "write nothing"])
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.notes(.stopped) == ["exited with code 0, stopped by a client"])
  }

  @Test(arguments: [
    (Stopper.client(nil), "by a client"), (.client("ann"), "by ann"),
    (.host, "by the host, which was told to end with its kernels"),
  ]) func theStoryTellsWhoStoppedIt(_ who: Stopper, _ words: String) {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.command(.stop(id, force: false, timeout: .seconds(5), by: who))
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.notes(.stopping) == ["asked for \(words)"])
    #expect(fleet.notes(.stopped) == ["exited with code 0, stopped \(words)"])
  }

  @Test func forceKillsAtOnce() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.stop(id, force: true)
    #expect(fleet.acts == ["sync 1 stopping", "kill 1.1"])
  }

  @Test func forceHurriesAStopThatIsUnderWay() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let patient = fleet.stop(id, timeout: .seconds(60))
    let hasty = fleet.stop(id, force: true)
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1", "kill 1.1"])
    fleet.exited(id)
    #expect(fleet.kernel(patient)?.id == id)
    #expect(fleet.kernel(hasty)?.id == id)
  }

  @Test func aSecondStopJoinsTheFirst() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let first = fleet.stop(id)
    let second = fleet.stop(id)
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1"])
    fleet.exited(id)
    #expect(fleet.kernel(first) != nil && fleet.kernel(second) != nil)
  }

  @Test func noSignalBeforeTheIntentIsOnTheDisk() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.commitsByItself = false
    _ = fleet.stop(id)
    #expect(fleet.acts == ["sync 1 stopping"])
    fleet.commit(fleet.commits[0])
    #expect(fleet.acts == ["sync 1 stopping", "shutdown 1.1"])
  }

  @Test func aFullDiskDoesNotKeepAKernelAlive() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.commitsByItself = false
    _ = fleet.stop(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.acts.contains("shutdown 1.1"))
  }

  @Test func stoppedBeforeItsIntentIsWrittenItIsNeverLaunched() {
    let fleet = Harness()
    fleet.commitsByItself = false
    let (id, start) = fleet.spawn()
    let stop = fleet.stop(id)
    fleet.commitsByItself = true
    fleet.commit(fleet.commits[0])
    #expect(!fleet.acts.contains("launch 1.1"))
    #expect(fleet.code(start) == .wrongState)
    #expect(fleet.kernel(stop)?.id == id)
    #expect(fleet.status(id) == nil)
  }

  @Test func stoppedWhileItIsBeingLaunchedItEndsAsSoonAsItIsThere() {
    let fleet = Harness()
    let (id, start) = fleet.spawn()
    fleet.forget()
    let stop = fleet.stop(id)
    #expect(fleet.acts == ["sync 1 stopping"])
    fleet.launched(id)
    #expect(fleet.acts.last == "terminate 1.1", "who has not answered yet reads no shutdown_request")
    fleet.exited(id, ExitInfo(signal: 15))
    #expect(fleet.message(start) == "\(id) was stopped by somebody else")
    #expect(fleet.kernel(stop)?.id == id)
  }

  @Test func stoppedWhileALaunchFailsItIsGone() {
    let fleet = Harness()
    let (id, start) = fleet.spawn()
    let stop = fleet.stop(id)
    fleet.send(.launchFailed(id, generation: 1, LaunchFailure(reason: "no memory")))
    #expect(fleet.code(start) == .wrongState)
    #expect(fleet.kernel(stop)?.id == id)
    #expect(fleet.status(id) == nil)
  }

  @Test func aWaitingKernelIsRemovedWithASync() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.forget()
    let ticket = fleet.stop(id)
    #expect(fleet.acts == ["remove 1", "sync nothing"], "nothing on the disk says yet that it was stopped")
    #expect(fleet.kernel(ticket)?.id == id)
    fleet.pass(.seconds(60))
    #expect(fleet.acts.count == 2, "its backoff is forgotten")
  }

  @Test func aKernelThatHasEndedIsRemovedByAStop() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.kernel(fleet.stop(id))?.id == id)
    #expect(fleet.status(id) == nil)
  }

  @Test func aStoppedKernelGivesItsNameAndPortBack() {
    let fleet = Harness()
    let id = fleet.idleKernel(.lua(name: "alice"))
    _ = fleet.stop(id)
    fleet.exited(id)
    let (again, ticket) = fleet.spawn(.lua(name: "alice"))
    #expect(fleet.answers[ticket] == nil)
    #expect(fleet[again].port == 9555)
    #expect(fleet[again].serial == 2)
  }

  @Test func restartAskedWhileStoppingIsRefused() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.stop(id)
    #expect(fleet.code(fleet.command(.restart(id))) == .wrongState)
  }

  @Test func whoJoinsARestartThatIsNotOnTheDiskYetWaitsForIt() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.commitsByItself = false
    _ = fleet.command(.restart(id))
    _ = fleet.stop(id, force: true)
    #expect(fleet.acts == ["sync 1 stopping", "sync 1 stopping"], "the second says that it is not to start again")
    fleet.commit(fleet.commits[0])
    #expect(fleet.acts.count == 2)
    fleet.commit(fleet.commits[0])
    #expect(fleet.acts.last == "kill 1.1")
  }

  @Test func aStopThatOvertakesALaunchWaitsForTheDisk() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    fleet.forget()
    fleet.commitsByItself = false
    _ = fleet.stop(id)
    fleet.launched(id)
    #expect(fleet.acts == ["sync 1 stopping"])
    fleet.commit(fleet.commits[0])
    #expect(fleet.acts.last == "terminate 1.1")
  }

  @Test func aRestartTurnedIntoAStopIsAcknowledgedWhenTheDiskKnows() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.command(.restart(id))
    fleet.commitsByItself = false
    let ticket = fleet.stop(id)
    fleet.exited(id)
    #expect(fleet.acts.last == "sync nothing", "the stop itself is not on the disk yet")
    fleet.commitsByItself = true
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.kernel(ticket)?.id == id)
  }

  @Test func aStopOfAFailedStartIsPutOnTheDisk() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    fleet.launched(id)
    fleet.pass(.seconds(60))
    fleet.forget()
    let ticket = fleet.stop(id)
    #expect(fleet.acts == ["sync 1 stopping"], "the disk says that it is starting")
    fleet.exited(id)
    #expect(fleet.kernel(ticket)?.id == id)
  }

  @Test func aStopThatTheDiskDoesNotKnowIsNotAcknowledged() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.commitsByItself = false
    let ticket = fleet.stop(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(ticket) == .storage)
  }

  @Test func aStopThatTheDiskKnowsIsAcknowledgedEvenIfTheRemovalIsLost() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.stop(id)
    fleet.commitsByItself = false
    fleet.exited(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.kernel(ticket)?.id == id)
  }

  @Test(arguments: [Duration.seconds(-5), .seconds(Int64.min / 4), .zero]) func noPatienceKillsAtOnce(timeout: Duration)
  {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.stop(id, timeout: timeout)
    #expect(fleet.acts.last == "kill 1.1")
  }

  @Test func endlessPatienceIsADay() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.stop(id, timeout: .seconds(Int64.max / 4))
    fleet.pass(.seconds(86_400))
    #expect(fleet.acts.last == "terminate 1.1")
  }
}
