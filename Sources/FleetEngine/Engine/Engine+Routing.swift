// Which kernel a client gets. One question is out at a time, and the next goes out when the last answer, with its
// reservation or its starting row, is applied: so concurrent requests never overrun what a policy allows.
import DequeModule
import OrderedCollections

extension Engine {
  mutating func find(_ requirements: Requirements, _ candidate: Candidate, _ ticket: Ticket, _ now: Instant) {
    routing.queue.append(
      Routing.Request(
        ticket: ticket, requirements: requirements, candidate: candidate, deadline: now + configuration.findTimeout))
  }

  mutating func pumpQuestions(_ now: Instant) {
    guard routing.asking == nil, let request = routing.queue.popFirst() else { return }
    flushRows()
    routing.last += 1
    let overdue = now + configuration.answerTimeout
    if !routing.isWatched {
      routing.isWatched = true
      timers.set(.answer, at: overdue)
    }
    let seed = UInt64(routing.last) &* 0x9E37_79B9_7F4A_7C15
    let question = PolicyQuestion(.route(request.requirements), now: now, seed: seed)
    routing.asking = Routing.Question(number: routing.last, asked: question, request: request, overdue: overdue)
    effects.append(.ask(question: routing.last, question))
  }

  /// Policies and resolver always answer; if one does not, its client must not be the one who finds out.
  mutating func lookForAnswer(_ now: Instant) {
    routing.isWatched = false
    guard let question = routing.asking else { return }
    if now < question.overdue {
      routing.isWatched = true
      timers.set(.answer, at: question.overdue)
    } else if question.decision == nil {
      let limit = configuration.answerTimeout.seconds
      answered(question.number, PolicyAnswer(failure: "no answer came within \(limit) s"), now)
    } else {
      close(question, .failure(EngineError(.timeout, "the host did not find out what to start; try again")))
    }
  }

  mutating func answered(_ number: Int, _ policy: PolicyAnswer, _ now: Instant) {
    guard let question = routing.asking, question.number == number, question.decision == nil else { return }
    if question.isOutdated, choosesNobody(policy), now < question.request.deadline {
      // The policy did not know. It is asked again, for the native rule knows nothing of its quotas.
      routing.queue.prepend(question.request)
      routing.asking = nil
      return
    }
    var decision = decide(question, policy)
    let wanted = question.request.requirements
    guard case .route(let outcome) = decision.outcome else { preconditionFailure("decide answers what was asked") }
    switch outcome {
    case .use(let reference): give(kernel(named: reference)!.id, question, decision, now)
    case .spawn(let config, let language):
      decision.spawned = true
      routing.asking!.decision = decision
      let isCandidate = (config == nil || config == wanted.config) && (language == nil || language == wanted.language)
      if isCandidate { return resolved(number, question.request.candidate.specification, now) }
      effects.append(.resolve(question: number, config: config, language: language, wanted))
    case .wait(let seconds): postpone(question, seconds, now)
    case .reject(let why): close(question, .failure(EngineError(.refused, "refused by policy: \(why)")))
    }
  }

  private func choosesNobody(_ policy: PolicyAnswer) -> Bool {
    guard case .route(.use(let reference)) = policy.answer else { return false }
    return kernel(named: reference)?.status.isUsable != true
  }

  /// What the policies want, or, if they failed, have no opinion or want the impossible, the native rule.
  private func decide(_ question: Routing.Question, _ policy: PolicyAnswer) -> Decision {
    var policy = policy
    if case .route(.use(let reference)) = policy.answer, choosesNobody(policy) {
      policy.failure = "it chose '\(reference)', which is no kernel that a client can use"
      policy.answer = nil
    }
    let number = question.number
    if case .route = policy.answer, let answer = policy.answer {
      return Decision(
        id: number, question: question.asked, policy: policy, outcome: answer,
        reason: policy.reason ?? "no reason given")
    }
    let (answer, reason) = Router.decide(question.request.requirements, rows: rows.values)
    return Decision(
      id: number, question: question.asked, policy: policy, outcome: .route(answer), reason: reason,
      isFallback: policy.failure != nil)
  }

  mutating func resolved(_ number: Int, _ result: Result<Specification, EngineError>, _ now: Instant) {
    guard let question = routing.asking, question.number == number, let decision = question.decision else { return }
    switch result {
    case .success(let specification): spawn(specification, question, decision, now)
    case .failure(let error): close(question, .failure(error))
    }
  }

  private mutating func spawn(
    _ specification: Specification, _ question: Routing.Question, _ decision: Decision, _ now: Instant
  ) {
    let candidate = question.request.candidate
    do throws(EngineError) {
      let id = try add(NewKernel(id: candidate.id, key: candidate.key, specification: specification), now)
      promise(id, question, decision)
    } catch {
      close(question, .failure(error))
    }
  }

  private mutating func give(_ id: KernelID, _ question: Routing.Question, _ decision: Decision, _ now: Instant) {
    if kernels[id]!.status == .starting { return promise(id, question, decision) }
    note(id, .routed, decision.reason)
    remember(question.request.requirements.session, id)
    let reply = found(id, decision, now)
    guard unwritten[id] != nil else { return close(question, .success(reply)) }
    // Should it crash while no host runs, nothing would tell it from a failed start.
    save(id, then: .answer(question.request.ticket, reply, isSafe: false))
    routing.asking = nil
  }

  /// The kernel is given when it answers.
  private mutating func promise(_ id: KernelID, _ question: Routing.Question, _ decision: Decision) {
    note(id, .routed, decision.reason)
    remember(question.request.requirements.session, id)
    kernels[id]!.reservations.append(.never)
    touched.append(id)
    wait(question.request.ticket, .find(decision), for: id)
    routing.asking = nil
  }

  mutating func found(_ id: KernelID, _ decision: Decision, _ now: Instant) -> Reply {
    reserve(id, until: now + configuration.reservation)
    return .found(kernels[id]!, decision)
  }

  private mutating func postpone(_ question: Routing.Question, _ seconds: Double, _ now: Instant) {
    let bounded = seconds.isNaN ? 0.05 : max(0.05, min(seconds, 60))
    let delay = Duration.milliseconds(Int64(bounded * 1000))
    guard now + delay <= question.request.deadline else {
      let limit = Int(configuration.findTimeout.seconds)
      return close(question, .failure(EngineError(.timeout, "no kernel became available within \(limit) s; try later")))
    }
    routing.postponed[question.number] = question.request
    routing.asking = nil
    timers.set(.ask(question: question.number), at: now + delay)
  }

  mutating func askAgain(_ number: Int) {
    if let request = routing.postponed.removeValue(forKey: number) { routing.queue.append(request) }
  }

  private mutating func close(_ question: Routing.Question, _ result: Result<Reply, EngineError>) {
    effects.append(.answer(question.request.ticket, result))
    routing.asking = nil
  }
}
