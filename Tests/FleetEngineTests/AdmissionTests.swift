// Whether a new kernel may be started, and with which limits.
import FleetEngine
import Testing

struct AdmissionTests {
  private func fleet(_ entries: Set<EntryPoint> = [.admit, .route]) -> Harness {
    var configuration = EngineConfiguration()
    configuration.entries = entries
    return Harness(configuration)
  }

  @Test func limitsAreTightenedOrSetButNotLoosened() {
    let asked = Limits(memory: 1000, cpu: 0.5, nice: 5, bestEffort: true)
    let (limits, clamps) = Admission.impose(
      Limits(memory: 500, cpu: 0.9, processes: 7, openFiles: 40, fileSize: 9, nice: 10), on: asked)
    #expect(
      limits == Limits(memory: 500, cpu: 0.5, processes: 7, openFiles: 40, fileSize: 9, nice: 10, bestEffort: true))
    #expect(clamps == ["set cpu to 0.9, kept 0.5: a policy may tighten what was asked for, not loosen it"])
    let nicer = Admission.impose(Limits(nice: 4), on: asked)
    #expect(nicer.limits == asked)
    #expect(nicer.clamps == ["set nice to 4, kept 5: a policy may tighten what was asked for, not loosen it"])
  }

  @Test(arguments: [
    Limits(memory: 0), Limits(memory: -1), Limits(cpu: 0), Limits(cpu: -.infinity), Limits(cpu: .nan),
    Limits(processes: 3), Limits(openFiles: 31), Limits(fileSize: 0), Limits(nice: 20), Limits(nice: -21),
  ])
  func whatIsNoLimitIsNotImposed(limits: Limits) {
    let imposed = Admission.impose(limits, on: Limits(memory: 10))
    #expect(imposed.limits == Limits(memory: 10))
    #expect(imposed.clamps.count == 1)
    #expect(imposed.clamps.first?.hasSuffix("that is no limit") == true)
  }

  @Test func aSpawnIsAskedAbout() {
    let fleet = fleet()
    let (id, ticket) = fleet.spawn()
    #expect(fleet.acts == ["ask 1"])
    #expect(fleet.lastSubject == .admit(.lua))
    #expect(fleet.status(id) == nil)
    fleet.answer(.admit(.allow(limits: Limits(memory: 100))))
    #expect(fleet[id].specification.limits.memory == 100)
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.decisions.map(\.outcome) == [.admit(.allow(limits: Limits(memory: 100)))])
    #expect(fleet.decisions.first?.kernel == id)
  }

  @Test func aRejectionIsAnswered() {
    let fleet = fleet()
    let (id, ticket) = fleet.spawn()
    fleet.answer(.admit(.reject("ann has three")))
    #expect(fleet.code(ticket) == .refused)
    #expect(fleet.message(ticket) == "refused by policy: ann has three")
    #expect(fleet.status(id) == nil)
    #expect(fleet.decisions.count == 1)
  }

  @Test(arguments: [nil, "it erred"])
  func withoutAnOpinionItIsAllowed(failure: String?) {
    let fleet = fleet()
    let (id, _) = fleet.spawn()
    fleet.answer(nil, failure: failure)
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.first?.isFallback == (failure != nil))
  }

  @Test func anAnswerToAnotherQuestionIsAFailure() {
    let fleet = fleet()
    let (id, _) = fleet.spawn()
    fleet.answer(.route(.reject("what?")))
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.first?.policy.failure == "it answered another question")
  }

  @Test func silenceAllows() {
    let fleet = fleet()
    let (id, _) = fleet.spawn()
    fleet.pass(.seconds(10))
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.first?.isFallback == true)
    fleet.answer(.admit(.reject("late")))
    #expect(fleet.status(id) == .starting)
    #expect(fleet.decisions.count == 1)
  }

  /// Else two that ask at the same time both find room for one.
  @Test func oneQuestionAtATime() {
    let fleet = fleet()
    let (first, _) = fleet.spawn()
    let (second, ticket) = fleet.spawn()
    let find = fleet.find()
    #expect(fleet.acts == ["ask 1"])
    fleet.forget()
    fleet.reply(1, .admit(.allow(limits: Limits())))
    #expect(fleet.acts == ["ask 2", "sync 1 starting", "launch 1.1"])
    #expect(fleet.rows()[first.uuid]?.status == "starting", "the policy sees the row of the first")
    fleet.reply(2, .admit(.reject("full")))
    #expect(fleet.code(ticket) == .refused)
    #expect(fleet.status(second) == nil)
    #expect(fleet.lastSubject == .route(Requirements(language: "lua")))
    fleet.answer(.route(.use(first.uuid)))
    #expect(fleet.answers[find] == nil, "it is starting")
  }

  @Test func whatTheRouterWantsIsAskedAbout() {
    let fleet = fleet()
    let ticket = fleet.find()
    let next = fleet.find()
    fleet.answer(.route(.spawn(config: nil, language: nil)))
    #expect(fleet.acts == ["ask 1", "ask 2"], "and nobody else meanwhile")
    fleet.answer(.admit(.reject("no more")))
    #expect(fleet.message(ticket) == "refused by policy: no more")
    #expect(Set(fleet.decisions.map(\.id)) == [1, 2])
    #expect(fleet.decisions.first { $0.id == 1 }?.clamps == ["not carried out: refused by policy: no more"])
    fleet.answer(.route(.spawn(config: nil, language: nil)))
    fleet.answer(.admit(.allow(limits: Limits())))
    let id = KernelID.number(2)
    fleet.start(id)
    #expect(fleet.kernel(next)?.id == id)
    #expect(fleet.decision(next)?.kernel == id)
    #expect(fleet.decision(next)?.spawned == true)
    #expect(fleet.decisions.map(\.kernel) == [nil, nil, id, id])
  }

  @Test func whatCannotBeStartedIsRecorded() {
    let fleet = fleet()
    let (id, _) = fleet.spawn(.lua(name: "alice"))
    fleet.answer(.admit(.allow(limits: Limits())))
    let (_, ticket) = fleet.spawn(.lua(name: "alice"))
    fleet.answer(.admit(.allow(limits: Limits())))
    #expect(fleet.code(ticket) == .nameTaken)
    #expect(fleet.decisions.first?.kernel == id)
    #expect(fleet.decisions.last?.kernel == nil)
    #expect(fleet.decisions.last?.clamps.first?.hasPrefix("not carried out: the name 'alice' is taken") == true)
  }

  @Test func soIsWhatTheRouterWantedInVain() {
    let fleet = fleet()
    _ = fleet.spawn(.lua(name: "alice"))
    fleet.answer(.admit(.allow(limits: Limits())))
    let ticket = fleet.find(Requirements(), .success(.lua(name: "alice")))
    fleet.answer(.route(.spawn(config: nil, language: nil)))
    fleet.answer(.admit(.allow(limits: Limits())))
    #expect(fleet.code(ticket) == .nameTaken)
    #expect(Set(fleet.decisions.map(\.id)) == [1, 2, 3])
  }

  @Test func withoutARoutePolicyTheNativeRuleDecidesAtOnce() {
    let fleet = fleet([])
    let first = fleet.find()
    let id = KernelID.number(1)
    #expect(fleet.acts == ["sync 1 starting", "launch 1.1"])
    fleet.start(id)
    #expect(fleet.kernel(first)?.id == id)
    let second = fleet.find()
    #expect(fleet.kernel(second)?.id == id)
    #expect(fleet.decisions.map(\.spawned) == [true, false])
    #expect(fleet.decisions.map(\.isFallback) == [false, false])
  }
}
