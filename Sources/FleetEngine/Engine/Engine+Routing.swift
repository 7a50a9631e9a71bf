// Which kernel a client gets.
import DequeModule

extension Engine {
  mutating func find(_ requirements: Requirements, _ candidate: Candidate, _ ticket: Ticket, _ now: Instant) {
    let deadline = now + configuration.findTimeout
    routing.queue.append(
      Routing.Request(ticket: ticket, purpose: .find(requirements), candidate: candidate, deadline: deadline))
  }

  mutating func route(_ request: Routing.Request, _ requirements: Requirements, _ now: Instant) {
    if configuration.entries.contains(.route) { return ask(.route(requirements), request, .route, now) }
    let (number, asked) = question(.route(requirements), now)
    let (answer, reason) = Router.decide(requirements, rows: rows.values)
    let decision = Decision(
      id: number, question: asked, policy: PolicyAnswer(), outcome: .route(answer), reason: reason)
    carryOut(decision, answer, request, now)
  }

  /// The policies have answered.
  mutating func routed(_ question: Routing.Question, _ policy: PolicyAnswer, _ now: Instant) {
    if question.isOutdated, choosesNobody(policy), now < question.request.deadline {
      // The policy did not know. It is asked again, for the native rule knows nothing of its quotas.
      effects.append(
        .decided(
          Decision(
            id: question.number, question: question.asked, policy: policy, outcome: .route(.wait(seconds: 0)),
            reason: policy.words,
            clamps: ["asked again: the kernel that it chose was lost to clients meanwhile"])))
      routing.queue.prepend(question.request)
      release(question.request)
      return
    }
    let decision = decide(question, policy)
    guard case .route(let outcome) = decision.outcome else { preconditionFailure("decide answers what was asked") }
    carryOut(decision, outcome, question.request, now)
  }

  private func choosesNobody(_ policy: PolicyAnswer) -> Bool {
    guard case .route(.use(let reference)) = policy.answer else { return false }
    return kernel(named: reference)?.isUsable != true
  }

  /// Whoever asks for kernels of an owner gets no other owner's, whatever a policy thinks of it.
  private func isForeign(_ reference: String, to request: Routing.Request) -> Bool {
    guard let owner = request.requirements?.owner, let kernel = kernel(named: reference) else { return false }
    return kernel.specification.owner != owner
  }

  /// What the policies want, or, if they failed, have no opinion or want the impossible, the native rule.
  private func decide(_ question: Routing.Question, _ policy: PolicyAnswer) -> Decision {
    var policy = policy
    if case .route(.use(let reference)) = policy.answer, choosesNobody(policy) {
      policy.failure = "it chose '\(reference)', which is no kernel that a client can use"
    } else if case .route(.use(let reference)) = policy.answer, isForeign(reference, to: question.request) {
      policy.failure = "it chose '\(reference)', which belongs to another owner"
    } else if policy.answer != nil, policy.route == nil {
      policy.failure = "it answered another question"
    }
    let number = question.number
    if policy.failure == nil, let answer = policy.answer {
      return Decision(
        id: number, question: question.asked, policy: policy, outcome: answer,
        reason: policy.words)
    }
    guard let wanted = question.request.requirements else { preconditionFailure("only a find is routed") }
    let (answer, reason) = Router.decide(wanted, rows: rows.values)
    return Decision(
      id: number, question: question.asked, policy: policy, outcome: .route(answer), reason: reason,
      isFallback: policy.failure != nil)
  }

  private mutating func carryOut(
    _ decision: Decision, _ outcome: RouteAnswer, _ request: Routing.Request, _ now: Instant
  ) {
    switch outcome {
    case .use(let reference): give(kernel(named: reference)!.id, request, decision, now)
    case .spawn(let config, let language): spawn(config, language, request, decision, now)
    case .wait(let seconds): postpone(request, seconds, decision, now)
    case .reject(let why):
      effects.append(.decided(decision))
      close(request, .failure(EngineError(.refused, "refused by policy: \(why)")))
    }
  }

  private mutating func spawn(
    _ config: String?, _ language: String?, _ request: Routing.Request, _ decision: Decision, _ now: Instant
  ) {
    let wanted = request.requirements
    let isCandidate = (config == nil || config == wanted?.config) && (language == nil || language == wanted?.language)
    if isCandidate { return resolved(request, request.candidate.specification, decision, now) }
    if routing.asking == nil {
      preconditionFailure("only a policy wants something else than its client; the native rule does not")
    }
    routing.asking!.stage = .resolve(decision)
    effects.append(
      .resolve(question: decision.id, config: config, language: language, wanted ?? Requirements()))
  }

  mutating func resolved(_ number: Int, _ result: Result<Specification, EngineError>, _ now: Instant) {
    guard let question = routing.asking, question.number == number, case .resolve(let decision) = question.stage else {
      return
    }
    resolved(question.request, result, decision, now)
  }

  private mutating func resolved(
    _ request: Routing.Request, _ result: Result<Specification, EngineError>, _ decision: Decision, _ now: Instant
  ) {
    switch result {
    case .success(var specification):
      var request = request
      if case .success(let asked) = request.candidate.specification { specification.request = asked.request }
      request.candidate.specification = .success(specification)
      admit(request, decision, now)
    case .failure(let error): refuse(request, error, [decision])
    }
  }

  /// A kernel that is there.
  mutating func give(_ id: KernelID, _ request: Routing.Request, _ decision: Decision, _ now: Instant) {
    var decision = decision
    decision.kernel = id
    effects.append(.decided(decision))
    markUsed(id)
    countArrival(id)
    if kernels[id]!.status == .starting { return promise(id, request, decision) }
    note(id, .routed, decision.reason)
    remember(request.requirements?.session, id)
    let reply = found(id, decision, now)
    guard unwritten[id] != nil else { return close(request, .success(reply)) }
    // Should it crash while no host runs, nothing would tell it from a failed start.
    save(id, then: .answer(request.ticket, reply, isSafe: false))
    release(request)
  }

  /// The kernel is given when it answers.
  mutating func promise(_ id: KernelID, _ request: Routing.Request, _ decision: Decision) {
    note(id, .routed, decision.reason)
    remember(request.requirements?.session, id)
    kernels[id]!.reservations.append(.never)
    touched.append(id)
    wait(request.ticket, .find(decision), for: id)
    release(request)
  }

  mutating func found(_ id: KernelID, _ decision: Decision, _ now: Instant) -> Reply {
    reserve(id, until: now + configuration.reservation)
    return .found(kernels[id]!, decision)
  }

  private mutating func postpone(
    _ request: Routing.Request, _ seconds: Double, _ decision: Decision, _ now: Instant
  ) {
    var decision = decision
    let bounded = seconds.isNaN ? 0.05 : max(0.05, min(seconds, 60))
    if bounded != seconds { decision.clamps.append("asked to wait \(said(seconds)) s, allowed \(said(bounded))") }
    let delay = Duration.milliseconds(Int64(bounded * 1000))
    guard now + delay <= request.deadline else {
      let limit = Int(configuration.findTimeout.seconds)
      let error = EngineError(.timeout, "no kernel became available within \(limit) s; try later")
      return refuse(request, error, [decision])
    }
    decision.outcome = .route(.wait(seconds: bounded))
    effects.append(.decided(decision))
    routing.postponed[decision.id] = request
    release(request)
    timers.set(.ask(question: decision.id), at: now + delay)
  }

  mutating func askAgain(_ number: Int) {
    if let request = routing.postponed.removeValue(forKey: number) { routing.queue.append(request) }
  }
}

/// A number without a needless ".0".
func said(_ number: Double) -> String { Int(exactly: number).map { "\($0)" } ?? "\(number)" }
