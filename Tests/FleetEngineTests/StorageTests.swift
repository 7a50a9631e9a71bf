// A registry that cannot be written: nothing is lost that can be kept, and nobody waits for ever.
import FleetEngine
import Testing

struct StorageTests {
  @Test func lostRowsAreWrittenAgain() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.commitsByItself = false
    fleet.exited(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.notes(.storage) == ["the registry could not be written: the disk is full"])
    fleet.pass(.milliseconds(499))
    fleet.forget()
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts == ["sync 1 starting"], "the next commit carries it")
    fleet.commit(fleet.commits[0])
    fleet.forget()
    fleet.pass(.seconds(10))
    #expect(fleet.acts == [])
  }

  @Test func lostRowsAreWrittenAgainByThemselves() {
    let fleet = Harness()
    fleet.commitsByItself = false
    let (id, _) = fleet.spawn()
    fleet.failCommit(1)
    fleet.failCommit(2)
    #expect(fleet.status(id) == nil)
    for _ in 1...3 {
      fleet.forget()
      fleet.pass(.milliseconds(4_999))
      #expect(fleet.acts == [])
      fleet.pass(.milliseconds(1))
      #expect(fleet.acts == ["sync nothing"], "a row that was to be synced still is")
      fleet.failCommit(fleet.commits[0])
    }
    fleet.pass(.seconds(5))
    fleet.commit(fleet.commits[0])
    fleet.forget()
    fleet.pass(.seconds(600))
    #expect(fleet.acts == [])
  }

  @Test func manyLostCommitsAreOneRetry() {
    let fleet = Harness()
    fleet.commitsByItself = false
    for _ in 1...50 { _ = fleet.spawn() }
    for sequence in fleet.commits { fleet.failCommit(sequence) }
    for sequence in fleet.commits { fleet.failCommit(sequence) }
    fleet.forget()
    fleet.pass(.seconds(5))
    #expect(fleet.acts.count == 1)
  }

  @Test func aKernelThatPeopleKnowOfWaitsForTheDisk() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id)
    fleet.commitsByItself = false
    fleet.pass(.milliseconds(500))
    for _ in 1...20 {
      fleet.failCommit(fleet.commits[0])
      #expect(fleet.status(id) == .backoff)
      fleet.failCommit(fleet.commits[0])
      fleet.pass(.seconds(5))
      #expect(fleet.status(id) == .starting)
    }
    fleet.commitsByItself = true
    fleet.commit(fleet.commits[0])
    fleet.start(id)
    #expect(fleet[id].crashesInARow == 1, "a full disk is no fault of the kernel")
    #expect(fleet[id].restarts == 1, "it was not launched while the disk was full")
  }

  @Test func whoAsksForARestartOnAFullDiskIsTold() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id, ExitInfo(code: 0))
    fleet.commitsByItself = false
    let ticket = fleet.command(.restart(id))
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(ticket) == .storage)
  }

  @Test(arguments: [false, true]) func aKernelThatCannotBeStartedAgainIsNotEnded(_ isBusy: Bool) {
    let fleet = Harness()
    let id = fleet.idleKernel()
    if isBusy { fleet.send(.activity(id, generation: fleet[id].generation, busy: true)) }
    fleet.commitsByItself = false
    let ticket = fleet.command(.restart(id))
    fleet.forget()
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.acts == [], "it was asked to end")
    #expect(fleet.status(id) == (isBusy ? .busy : .idle))
    #expect(
      fleet.message(ticket)
        == "the registry could not be written (the disk is full), so \(id) was not restarted and goes on; make room and try again"
    )
    // With room again it can be restarted.
    fleet.commitsByItself = true
    let again = fleet.command(.restart(id))
    fleet.exited(id)
    fleet.start(id)
    #expect(fleet.code(again) == nil && fleet[id].restarts == 1)
  }

  @Test func aHungKernelThatCannotBeStartedAgainStaysUnhealthy() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    fleet.commitsByItself = false
    _ = fleet.command(.restart(id))
    fleet.forget()
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.acts == [] && fleet.status(id) == .unhealthy)
    #expect(fleet.notes(.unhealthy).count == 1 && fleet.notes(.recovered) == [])
  }

  @Test func aStopThatComesBeforeARestartIsLostIsCarriedOut() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.commitsByItself = false
    let restart = fleet.command(.restart(id))
    let stop = fleet.stop(id)
    fleet.forget()
    for sequence in fleet.commits { fleet.failCommit(sequence) }
    #expect(fleet.status(id) == .stopping && fleet.acts.contains { $0.hasPrefix("shutdown") }, "\(fleet.acts)")
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.status(id) == nil && fleet.answers[restart] != nil)
    fleet.commitsByItself = true
    fleet.pass(.seconds(10))
    #expect(fleet.answers[stop] != nil)
  }

  @Test func aCleanupThatIsNotWrittenIsNotAcknowledged() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    fleet.exited(id, ExitInfo(code: 0))
    fleet.commitsByItself = false
    let ticket = fleet.command(.cleanup)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(ticket) == .storage)
  }

  @Test func aFirstAnswerThatIsNotWrittenIsNotAcknowledged() {
    let fleet = Harness()
    let (id, ticket) = fleet.spawn()
    fleet.launched(id)
    fleet.commitsByItself = false
    fleet.ready(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(ticket) == .storage, "should it crash while no host runs, it looks like a failed start")
    #expect(fleet.status(id) == .idle)
  }

  @Test func aKernelWhoseFirstAnswerIsNotWrittenIsNotGivenAway() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    fleet.launched(id)
    fleet.commitsByItself = false
    fleet.ready(id)
    fleet.failCommit(fleet.commits[0])
    let unlucky = fleet.find()
    fleet.answer(1, .use(id.uuid))
    #expect(fleet.answers[unlucky] == nil)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(unlucky) == .storage)
    let lucky = fleet.find()
    fleet.answer(2, .use(id.uuid))
    fleet.commit(fleet.commits[0])
    #expect(fleet.kernel(lucky)?.id == id)
    let last = fleet.find()
    fleet.answer(3, .use(id.uuid))
    #expect(fleet.kernel(last)?.id == id)
    #expect(fleet.commits == [], "now the disk knows")
  }

  @Test func aRestartIsAcknowledgedThoughItsNewsIsLost() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.command(.restart(id))
    fleet.exited(id)
    fleet.launched(id)
    fleet.commitsByItself = false
    fleet.ready(id)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.kernel(ticket)?.status == .idle)
  }
}
