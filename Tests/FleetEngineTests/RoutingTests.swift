// Which kernel a client gets: what a policy may answer, and what becomes of it.
import FleetEngine
import Testing

struct RoutingTests {
  private func question(_ fleet: Harness) -> PolicyQuestion? {
    for case .ask(_, let question) in fleet.effects.reversed() { return question }
    return nil
  }

  @Test func useGivesTheKernelAndCountsTheClient() {
    let fleet = Harness()
    let id = fleet.idleKernel(.lua(name: "alice"))
    for reference in [id.description, id.uuid, id.uuid.uppercased(), "alice", "9555"] {
      fleet.forget()
      let ticket = fleet.find()
      guard case .ask(let number, _)? = fleet.effects.first(where: { $0.brief?.hasPrefix("ask") == true }) else {
        Issue.record("nobody was asked")
        return
      }
      fleet.answer(number, .use(reference))
      #expect(fleet.kernel(ticket)?.id == id, "\(reference)")
      #expect(fleet.decision(ticket)?.isFallback == false)
      #expect(fleet.decision(ticket)?.reason == "because")
    }
    #expect(fleet[id].clients == 5)
    #expect(fleet.rows()[id.uuid]?.clients == 5)
  }

  @Test func nobodyGetsAKernelOfAnotherOwnerThanTheOneAskedFor() {
    let fleet = Harness()
    var specification = Specification.lua
    specification.owner = "alice"
    let id = fleet.idleKernel(specification)
    let hers = fleet.find(Requirements(language: "lua", owner: "alice"))
    fleet.answer(1, .use(id.uuid))
    #expect(fleet.kernel(hers)?.id == id)
    let his = fleet.find(Requirements(language: "lua", owner: "bob"))
    fleet.answer(2, .use(id.uuid))
    #expect(fleet.kernel(his)?.id != id)
    let decision = fleet.effects.compactMap { if case .decided(let decision) = $0 { decision } else { nil } }.last
    #expect(decision?.policy.failure == "it chose '\(id.uuid)', which belongs to another owner")
    #expect(decision?.isFallback == true)
    let anybodys = fleet.find(Requirements(language: "lua"))
    fleet.answer(3, .use(id.uuid))
    #expect(fleet.kernel(anybodys)?.id == id)
  }

  @Test func spawnGivesTheNewKernelWhenItAnswers() {
    let fleet = Harness()
    let ticket = fleet.find(Requirements(language: "lua", session: "s"))
    fleet.answer(1, .spawn(config: nil, language: nil))
    #expect(fleet.acts == ["ask 1", "sync 1 starting", "launch 1.1"])
    #expect(fleet.answers[ticket] == nil)
    let id = KernelID.number(1)
    fleet.start(id)
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.decision(ticket)?.spawned == true)
    #expect(fleet[id].sessions == ["s"])
    #expect(fleet[id].clients == 1)
  }

  @Test func spawnOfSomethingElseIsResolvedFirst() {
    let fleet = Harness()
    let ticket = fleet.find()
    let next = fleet.find()
    fleet.answer(1, .spawn(config: "openai.toml", language: nil))
    #expect(fleet.acts == ["ask 1", "resolve 1"], "one question at a time, its resolution included")
    fleet.answer(1, .reject("twice"))
    #expect(fleet.answers[ticket] == nil, "it was answered")
    fleet.send(.resolved(question: 1, .success(.lua(config: "/etc/openai.toml"))))
    #expect(fleet.acts.contains("launch 1.1"))
    #expect(fleet.acts.contains("ask 2"))
    #expect(fleet[.number(1)].specification.config == "/etc/openai.toml")
    fleet.send(.resolved(question: 1, .success(.lua)))
    #expect(fleet.engine.kernels.count == 1)
    #expect(fleet.answers[next] == nil)
  }

  @Test func whatCannotBeResolvedIsAnError() {
    let fleet = Harness()
    let ticket = fleet.find()
    fleet.answer(1, .spawn(config: "nowhere.toml", language: nil))
    fleet.send(.resolved(question: 1, .failure(EngineError(.configNotFound, "no nowhere.toml"))))
    #expect(fleet.message(ticket) == "no nowhere.toml")
  }

  @Test func aRequestThatCannotStartAnythingCanStillFind() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let vague = EngineError(.badRequest, "say which language")
    let found = fleet.find(Requirements(), .failure(vague))
    fleet.answer(1, .use(id.uuid))
    #expect(fleet.kernel(found)?.id == id)
    let refused = fleet.find(Requirements(), .failure(vague))
    fleet.answer(2, .spawn(config: nil, language: nil))
    #expect(fleet.message(refused) == "say which language")
  }

  @Test func spawnWithATakenNameIsAnError() {
    let fleet = Harness()
    _ = fleet.idleKernel(.lua(name: "alice"))
    let ticket = fleet.find(Requirements(), .success(.lua(name: "alice")))
    fleet.answer(1, .spawn(config: nil, language: nil))
    #expect(fleet.code(ticket) == .nameTaken)
  }

  @Test func waitAsksAgainAndNotForEver() {
    let fleet = Harness()
    let ticket = fleet.find()
    var asked = 0
    while fleet.answers[ticket] == nil {
      asked += 1
      fleet.answer(asked, .wait(seconds: 7))
      fleet.pass(.seconds(7))
    }
    #expect(asked == 9, "8 × 7 s are less than 60 s")
    #expect(fleet.code(ticket) == .timeout)
  }

  @Test(arguments: [(-1, 50), (0, 50), (Double.nan, 50), (0.2, 200), (59.9999, 59_999)])
  func oddWaitsAreBounded(seconds: Double, milliseconds: Int) {
    let fleet = Harness()
    _ = fleet.find()
    fleet.answer(1, .wait(seconds: seconds))
    fleet.forget()
    fleet.pass(.milliseconds(milliseconds - 1))
    #expect(fleet.acts == [])
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts == ["ask 2"])
  }

  @Test func endlessWaitsAreAMinute() {
    let fleet = Harness()
    let ticket = fleet.find()
    fleet.answer(1, .wait(seconds: .infinity))
    fleet.pass(.seconds(60))
    fleet.answer(2, .wait(seconds: 0))
    #expect(fleet.code(ticket) == .timeout)
  }

  @Test func whoWaitsDoesNotKeepOthersWaiting() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let patient = fleet.find()
    let quick = fleet.find()
    fleet.answer(1, .wait(seconds: 1))
    fleet.answer(2, .use(id.uuid))
    #expect(fleet.kernel(quick)?.id == id)
    #expect(fleet.answers[patient] == nil)
    fleet.pass(.seconds(1))
    fleet.answer(3, .use(id.uuid))
    #expect(fleet.kernel(patient)?.id == id)
  }

  @Test func aLateAnswerIsNotTakenForAnother() {
    let fleet = Harness()
    let ticket = fleet.find()
    fleet.answer(1, .wait(seconds: 1))
    fleet.pass(.seconds(1))
    fleet.answer(1, .reject("late"))
    #expect(fleet.answers[ticket] == nil)
    fleet.answer(2, .reject("full"))
    #expect(fleet.message(ticket) == "refused by policy: full")
  }

  @Test func rejectIsARefusal() {
    let fleet = Harness()
    let ticket = fleet.find()
    fleet.answer(1, .reject("quota of 3 reached"))
    #expect(fleet.code(ticket) == .refused)
    #expect(fleet.message(ticket) == "refused by policy: quota of 3 reached")
  }

  @Test func noOpinionLeavesItToTheNativeRule() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.find()
    fleet.answer(1, nil)
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.decision(ticket)?.isFallback == false)
    #expect(fleet.decision(ticket)?.reason == "fewest clients of those that match")
  }

  @Test func aFailureIsRecordedAndCostsNobodyAnything() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.find()
    fleet.answer(1, nil, failure: "policy.lua:3: attempt to index nil")
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.decision(ticket)?.isFallback == true)
    #expect(fleet.decision(ticket)?.policy.failure == "policy.lua:3: attempt to index nil")
  }

  @Test(arguments: ["", "nobody", "kernel-ffffffff", "9556", "09555", "99999999999999999999"])
  func aChoiceThatIsNoKernelIsAFailure(reference: String) {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let ticket = fleet.find()
    fleet.answer(1, .use(reference))
    #expect(fleet.kernel(ticket)?.id == id)
    #expect(fleet.decision(ticket)?.isFallback == true)
    #expect(fleet.decision(ticket)?.policy.failure?.contains("'\(reference)'") == true)
  }

  @Test func aPolicyWhoseChoiceWasStoppedMeanwhileIsAskedAgain() {
    let fleet = Harness()
    let chosen = fleet.idleKernel()
    let other = fleet.idleKernel()
    let ticket = fleet.find()
    _ = fleet.find()
    _ = fleet.stop(chosen)
    fleet.answer(1, .use(chosen.uuid))
    #expect(fleet.acts.last == "ask 2", "the native rule knows nothing of quotas")
    fleet.answer(2, .use(chosen.uuid))
    #expect(fleet.kernel(ticket)?.id == other, "now it should have known")
    #expect(fleet.decision(ticket)?.isFallback == true)
    #expect(fleet.acts.last == "ask 3")
  }

  @Test func aSilentPolicyIsReplacedByTheNativeRule() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    let first = fleet.find()
    let second = fleet.find()
    fleet.pass(.seconds(10))
    #expect(fleet.kernel(first)?.id == id)
    #expect(fleet.decision(first)?.policy.failure == "no answer came within 10.0 s")
    #expect(fleet.answers[second] == nil)
    fleet.answer(1, .reject("late"))
    fleet.pass(.seconds(10))
    #expect(fleet.kernel(second)?.id == id)
  }

  @Test func aSilentResolverIsATimeOut() {
    let fleet = Harness()
    let ticket = fleet.find()
    fleet.answer(1, .spawn(config: "slow.toml", language: nil))
    fleet.pass(.seconds(10))
    #expect(fleet.code(ticket) == .timeout)
    fleet.send(.resolved(question: 1, .success(.lua)))
    #expect(fleet.engine.kernels.isEmpty)
  }

  @Test func oneQuestionIsOutAndTheNextSeesWhatBecameOfIt() {
    let fleet = Harness()
    let tickets = (1...10).map { _ in fleet.find() }
    #expect(fleet.acts == ["ask 1"])
    fleet.answer(1, .spawn(config: nil, language: nil))
    let id = KernelID.number(1)
    for number in 2...10 {
      let order = fleet.effects.compactMap { effect -> String? in
        switch effect {
        case .rows(let changes): "rows \(changes.count)"
        case .ask(let number, _): "ask \(number)"
        default: nil
        }
      }
      #expect(order.suffix(2) == ["rows 1", "ask \(number)"])
      #expect(fleet.rows()[id.uuid]?.clients == number - 1, "whoever was promised the kernel counts")
      fleet.answer(number, nil)
    }
    fleet.start(id)
    #expect(tickets.allSatisfy { fleet.kernel($0)?.id == id })
    #expect(fleet.engine.kernels.count == 1)
    #expect(fleet[id].clients == 10)
  }

  @Test func theSameSessionFindsTheSameKernel() {
    let fleet = Harness()
    let ids = (1...3).map { _ in fleet.idleKernel() }
    for _ in 1...3 {
      let ticket = fleet.find(Requirements(session: "s"))
      fleet.answer(fleet.lastQuestion, nil)
      #expect(fleet.kernel(ticket)?.id == ids[0])
    }
    #expect(fleet[ids[0]].sessions == ["s"])
    #expect(fleet.acts.filter { $0.hasPrefix("write") }.count == 1)
  }

  @Test func aSessionBelongsToTheKernelThatItWasGivenLast() {
    let fleet = Harness()
    let first = fleet.idleKernel()
    let second = fleet.idleKernel()
    _ = fleet.find(Requirements(session: "s"))
    fleet.answer(fleet.lastQuestion, .use(first.uuid))
    fleet.exited(first)
    _ = fleet.find(Requirements(session: "s"))
    fleet.answer(fleet.lastQuestion, .use(second.uuid))
    fleet.pass(.milliseconds(500))
    fleet.start(first)
    let ticket = fleet.find(Requirements(session: "s"))
    fleet.answer(fleet.lastQuestion, nil)
    #expect(fleet.kernel(ticket)?.id == second)
    #expect(fleet[first].sessions == [])
  }

  @Test func sessionsAreBounded() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for number in 1...300 {
      _ = fleet.find(Requirements(session: "s\(number)"))
      fleet.answer(number, .use(id.uuid))
    }
    #expect(fleet[id].sessions.count == 256)
    #expect(fleet[id].sessions.last == "s300")
  }

  @Test func whoeverDoesNotComeIsForgotten() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    _ = fleet.find()
    fleet.answer(1, .use(id.uuid))
    fleet.pass(.seconds(3))
    _ = fleet.find()
    fleet.answer(2, .use(id.uuid))
    #expect(fleet[id].clients == 2)
    fleet.pass(.seconds(2))
    #expect(fleet[id].clients == 1)
    fleet.pass(.seconds(3))
    #expect(fleet[id].clients == 0)
    #expect(fleet.rows()[id.uuid]?.clients == 0)
  }

  @Test func whoeverComesIsCountedOnce() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    for number in 1...3 {
      _ = fleet.find()
      fleet.answer(number, .use(id.uuid))
    }
    fleet.send(.connections([id: 2]))
    #expect(fleet[id].clients == 3)
    #expect(fleet[id].reservations.count == 1)
    fleet.send(.connections([id: 9]))
    #expect(fleet[id].clients == 9)
    fleet.send(.connections([:]))
    #expect(fleet[id].clients == 0)
  }

  @Test func aPromiseThatIsStoppedIsAnError() {
    let fleet = Harness()
    let (id, _) = fleet.spawn()
    let find = fleet.find()
    fleet.answer(1, .use(id.uuid))
    _ = fleet.stop(id)
    fleet.launched(id)
    fleet.exited(id)
    #expect(fleet.code(find) == .wrongState)
  }

  @Test func questionsAreReproducible() {
    let fleet = Harness()
    _ = fleet.find(Requirements(language: "lua"))
    let question = question(fleet)
    #expect(question?.requirements == Requirements(language: "lua"))
    #expect(question?.now == fleet.now)
    #expect(question?.seed == 0x9E37_79B9_7F4A_7C15)
  }
}
