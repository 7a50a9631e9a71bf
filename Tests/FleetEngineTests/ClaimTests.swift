// Warm kernels find owners.
import FleetEngine
import Testing

struct ClaimTests {
  private static let wanted = Specification(
    kernelspec: "lua", language: "lua", name: "alice", labels: ["a": "1"], owner: "ann")

  @Test func aSpawnTakesAWarmKernel() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    let id = fleet.fill()[0]
    let (new, ticket) = fleet.spawn(Self.wanted, mayTakeWarm: true)
    #expect(fleet.status(new) == nil)
    let kernel = fleet.kernel(ticket)
    #expect(kernel?.id == id)
    #expect(kernel?.specification.name == "alice")
    #expect(kernel?.specification.labels == ["a": "1"])
    #expect(kernel?.specification.owner == "ann")
    #expect(kernel?.specification.pool == "p")
    #expect(kernel?.isClaimed == true)
    #expect(fleet.engine.kernel(named: "alice")?.id == id)
    #expect(fleet.acts == ["provide 1 p", "sync 1 idle"], "told only when the disk knows; and refilled")
    #expect(fleet.notes(.claimed) == ["from pool p as alice"])
    #expect(fleet.pool().claimed == 1)
    #expect(fleet.pool().view.used == 1)
    let (_, again) = fleet.spawn(.lua(name: "alice"), mayTakeWarm: true)
    #expect(fleet.code(again) == .nameTaken)
  }

  @Test func nobodyIsToldBeforeTheDiskKnows() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    fleet.fill()
    fleet.commitsByItself = false
    let (_, ticket) = fleet.spawn(Self.wanted, mayTakeWarm: true)
    #expect(fleet.answers[ticket] == nil)
    fleet.failCommit(fleet.commits[0])
    #expect(fleet.code(ticket) == .storage)
  }

  @Test func noKernelIsTakenTwice() {
    let fleet = Harness.pooled(0, 4, warm: 2)
    let ids = fleet.fill()
    let tickets = (1...2).map { _ in fleet.spawn(mayTakeWarm: true).1 }
    #expect(tickets.map { fleet.kernel($0)?.id } == ids)
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
  }

  @Test(arguments: [
    Specification(kernelspec: "lua54", language: "lua"), Specification(kernelspec: "lua", language: "python"),
    Specification(kernelspec: "lua", language: "lua", config: "/etc/openai.toml"),
    Specification(kernelspec: "lua", language: "lua", limits: Limits(memory: 1)),
    Specification(kernelspec: "lua", language: "lua", provider: "openai"),
    Specification(kernelspec: "lua", language: "lua", port: 9700),
  ])
  func whatAsksForSomethingElseGetsItsOwn(wanted: Specification) {
    let fleet = Harness.pooled(0, 4, warm: 1)
    fleet.fill()
    let (new, _) = fleet.spawn(wanted, mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
  }

  @Test func aHostThatSaysNoGetsANewOne() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    fleet.fill()
    let (new, _) = fleet.spawn()
    #expect(fleet.status(new) == .starting)
    #expect(fleet[new].specification.pool == nil)
  }

  @Test func limitsThatAPolicyImposesSpeakAgainstAWarmOne() {
    let fleet = Harness.pooled(0, 4, warm: 1, entries: [.admit])
    fleet.fill()
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    fleet.answer(.admit(.allow(limits: Limits(memory: 5))))
    #expect(fleet.status(new) == .starting)
  }

  /// What the last client left in it would be found by the next.
  @Test func whatSomebodyHadIsNotTaken() {
    let fleet = Harness.pooled(0, 8, warm: 1)
    let ids = fleet.fill()
    fleet.use(ids[0])
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
    let busy = Harness.pooled(0, 8, warm: 1)
    let id = busy.fill()[0]
    busy.pass(.seconds(2))
    busy.activity(id, busy: true)
    busy.activity(id, busy: false)
    #expect(busy[id].wasUsed)
  }

  @Test func norIsItWhileItIsBeingRetired() {
    let fleet = Harness.pooled(0, 1, warm: 1)
    let id = fleet.fill()[0]
    fleet.use(id)
    #expect(fleet[id].isDraining)
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
    #expect(fleet[id].isDraining)
  }

  @Test func whatIsPromisedToSomebodyIsNotTaken() {
    let fleet = Harness.pooled(0, 8, warm: 1)
    let id = fleet.provide("p")[0]
    _ = fleet.find()
    fleet.answer(.route(.use(id.uuid)))
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
  }

  @Test func oneThatIsStartingIsTakenAndGivenWhenItAnswers() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    let id = fleet.provide("p")[0]
    fleet.forget()
    let (_, ticket) = fleet.spawn(Self.wanted, mayTakeWarm: true)
    #expect(fleet[id].isClaimed)
    #expect(fleet.acts.contains("sync 1 starting"), "the disk knows before anybody is told")
    #expect(fleet.answers[ticket] == nil)
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.specification.name == "alice")
  }

  /// A host that is started anew would give it to the next one, too.
  @Test func oneThatComesBackIsNotGivenIfTheDiskDoesNotKnow() {
    let fleet = Harness.pooled(1, 4)
    let id = fleet.fill()[0]
    fleet.exited(id)
    fleet.pass(.milliseconds(500))
    fleet.launched(id)
    fleet.commitsByItself = false
    let (_, ticket) = fleet.spawn(Self.wanted, mayTakeWarm: true)
    #expect(fleet[id].isClaimed)
    for sequence in fleet.commits { fleet.failCommit(sequence) }
    fleet.ready(id)
    for sequence in fleet.commits { fleet.failCommit(sequence) }
    #expect(fleet.code(ticket) == .storage)
  }

  @Test func theRouterTakesOneToo() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    let id = fleet.fill()[0]
    let specification = Specification(kernelspec: "lua", language: "lua", owner: "ann")
    let ticket = fleet.command(
      .find(
        Requirements(language: "lua", owner: "ann", session: "s"),
        candidate: Candidate(id: .number(9), key: "", specification: .success(specification), mayTakeWarm: true)))
    fleet.answer(.route(.spawn(config: nil, language: nil)))
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet[id].specification.owner == "ann")
    #expect(fleet[id].sessions == ["s"])
    #expect(fleet.decision(ticket)?.spawned == false)
    #expect(fleet.decision(ticket)?.reason == "because; a warm kernel of pool p was taken")
    #expect(fleet.decision(ticket)?.kernel == id)
  }

  @Test func aNamedPoolStartsOneIfNoneIsWarm() {
    let fleet = Harness.pooled(0, 2)
    let wanted = Specification(kernelspec: "lua", language: "lua", pool: "p")
    let (first, _) = fleet.spawn(wanted, mayTakeWarm: true)
    let (second, _) = fleet.spawn(wanted, mayTakeWarm: true)
    #expect(fleet[first].isClaimed && fleet[second].isClaimed)
    let (_, refused) = fleet.spawn(wanted, mayTakeWarm: true)
    #expect(fleet.code(refused) == .limit)
    #expect(
      fleet.message(refused) == "pool 'p' has its maximum of 2 kernels; stop one of them, or raise its max")
    let (_, outside) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.code(outside) == nil, "the maximum is the pool's")
  }

  @Test func aFullPoolMakesRoom() {
    let fleet = Harness.pooled(0, 1)
    let wanted = Specification(kernelspec: "lua", language: "lua", pool: "p")
    let ticket = fleet.find()
    fleet.answer(.route(.spawn(config: nil, language: nil)))
    #expect(fleet.answers[ticket] == nil)
    let other = Harness.pooled(1, 1)
    let id = other.fill()[0]
    other.use(id)
    let (_, refused) = other.spawn(wanted)
    #expect(other.code(refused) == .limit)
    #expect(
      other.message(refused)?.hasSuffix("\(id), which nobody uses, is being ended: try again in a few seconds") == true)
    #expect(other[id].isDraining)
  }

  @Test func anUnknownPoolIsAMistake() {
    let fleet = Harness.pooled()
    let (_, ticket) = fleet.spawn(Specification(kernelspec: "lua", language: "lua", pool: "q"))
    #expect(fleet.message(ticket) == "there is no pool 'q'; there are: p")
  }

  @Test func aDeadKernelOfAFullPoolIsNotRestarted() {
    let fleet = Harness.pooled(0, 1)
    let wanted = Specification(kernelspec: "lua", language: "lua", pool: "p")
    let (id, _) = fleet.spawn(wanted)
    fleet.start(id)
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.status(id) == .exited, "its owner is to see why")
    let (other, _) = fleet.spawn(wanted)
    #expect(fleet.status(other) == .starting, "a dead one takes no room")
    let restart = fleet.command(.restart(id))
    #expect(fleet.code(restart) == .wrongState)
    #expect(fleet.status(id) == .exited)
  }

  @Test func scalingLeavesAloneWhatIsTaken() {
    let fleet = Harness.pooled(0, 4, warm: 1)
    let id = fleet.fill()[0]
    _ = fleet.spawn(mayTakeWarm: true)
    fleet.fill()
    fleet.pass(.seconds(1000))
    #expect(fleet.status(id) == .idle)
    #expect(!fleet[id].isDraining)
  }

  @Test func itIsStillTakenAfterARestartOfTheHost() {
    var configuration = EngineConfiguration()
    configuration.pools = [Pool(name: "p", maximum: 4, warm: 1)]
    let fleet = Harness(configuration)
    var kernel = Kernel(
      id: .number(77), serial: 1, specification: Specification(kernelspec: "lua", language: "lua", pool: "p"), key: "",
      port: 9555)
    kernel.status = .idle
    kernel.wasReady = true
    kernel.isClaimed = true
    kernel.wasUsed = true
    fleet.send(.recovered([Recovered(kernel: kernel, fate: .running(.with(pid: 7)))]))
    fleet.ready(kernel.id)
    #expect(fleet.pool().claimed == 1)
    let (new, _) = fleet.spawn(mayTakeWarm: true)
    #expect(fleet.status(new) == .starting)
  }
}
