// Which kernel a client gets. One question is out at a time, and the next goes out when the last answer, with its
// reservation or its starting row, is applied: so concurrent requests never overrun what a policy allows.
import DequeModule
import OrderedCollections

struct Routing: Sendable {
  var questions: [Int: Question] = [:]
  var queue: Deque<Int> = []
  /// The question that a policy, or the resolver, works on.
  var asking: Int?
  var last = 0

  struct Question: Sendable {
    var ticket: Ticket
    var requirements: Requirements
    var candidate: Candidate
    var deadline: Instant
    /// What the policies said, while the host resolves it.
    var decision: Decision?
  }
}

extension Engine {
  mutating func find(_ requirements: Requirements, _ candidate: Candidate, _ ticket: Ticket, _ now: Instant) {
    routing.last += 1
    routing.questions[routing.last] = Routing.Question(
      ticket: ticket, requirements: requirements, candidate: candidate, deadline: now + configuration.findTimeout)
    routing.queue.append(routing.last)
  }

  mutating func pumpQuestions(_ now: Instant) {
    guard routing.asking == nil, let number = routing.queue.popFirst(), let question = routing.questions[number] else {
      return
    }
    routing.asking = number
    flushRows()
    let seed = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    let asked = RouteQuestion(requirements: question.requirements, now: now, seed: seed)
    effects.append(.ask(question: number, asked))
  }

  mutating func answered(_ number: Int, _ policy: PolicyAnswer, _ now: Instant) {
    guard routing.asking == number, let question = routing.questions[number] else { return }
    var decision = decide(question, number, policy)
    switch decision.outcome {
    case .use(let reference):
      give(kernel(named: reference)!.id, question, number, decision, now)
    case .spawn(let config, let language):
      decision.spawned = true
      let asked = question.requirements
      let isCandidate = (config == nil || config == asked.config) && (language == nil || language == asked.language)
      routing.questions[number]!.decision = decision
      if isCandidate { return resolved(number, question.candidate.specification, now) }
      effects.append(.resolve(question: number, config: config, language: language, asked))
    case .wait(let seconds): postpone(number, question, .milliseconds(Int64(max(0.05, min(seconds, 60)) * 1000)), now)
    case .reject(let why): close(number, .failure(EngineError(.refused, "refused by policy: \(why)")))
    }
  }

  /// What the policies want, or, if they failed, have no opinion or want the impossible, the native rule.
  private func decide(_ question: Routing.Question, _ number: Int, _ policy: PolicyAnswer) -> Decision {
    var policy = policy
    if case .use(let reference) = policy.answer, kernel(named: reference).map(\.status.isUsable) != true {
      policy.failure = "it chose '\(reference)', which is no kernel that a client can use"
      policy.answer = nil
    }
    if let answer = policy.answer {
      return Decision(
        id: number, policy: policy, outcome: answer, reason: policy.reason ?? "no reason given", isFallback: false,
        spawned: false)
    }
    let (answer, reason) = Router.decide(question.requirements, rows: rows.values)
    return Decision(
      id: number, policy: policy, outcome: answer, reason: reason, isFallback: policy.failure != nil, spawned: false)
  }

  mutating func resolved(_ number: Int, _ result: Result<Specification, EngineError>, _ now: Instant) {
    guard routing.asking == number, let question = routing.questions[number], let decision = question.decision else {
      return
    }
    switch result {
    case .success(let specification): spawn(specification, question, number, decision, now)
    case .failure(let error): close(number, .failure(error))
    }
  }

  private mutating func spawn(
    _ specification: Specification, _ question: Routing.Question, _ number: Int, _ decision: Decision, _ now: Instant
  ) {
    let new = NewKernel(id: question.candidate.id, key: question.candidate.key, specification: specification)
    do throws(EngineError) {
      let id = try add(new, now)
      kernels[id]!.sessions = question.requirements.session.map { [$0] } ?? []
      note(id, .routed, decision.reason)
      wait(question.ticket, .find(decision), for: id)
      forget(number)
    } catch {
      close(number, .failure(error))
    }
  }

  private mutating func give(
    _ id: KernelID, _ question: Routing.Question, _ number: Int, _ decision: Decision, _ now: Instant
  ) {
    if let session = question.requirements.session, !kernels[id]!.sessions.contains(session) {
      kernels[id]!.sessions.append(session)
      save(id)
    }
    note(id, .routed, decision.reason)
    if kernels[id]!.status == .starting {
      kernels[id]!.reservations.append(now + configuration.startTimeout)
      touched.append(id)
      wait(question.ticket, .find(decision), for: id)
      forget(number)
    } else {
      close(number, .success(found(id, decision, now)))
    }
  }

  mutating func found(_ id: KernelID, _ decision: Decision, _ now: Instant) -> Reply {
    kernels[id]!.reservations.append(now + configuration.reservation)
    touched.append(id)
    return .found(kernels[id]!, decision)
  }

  private mutating func postpone(_ number: Int, _ question: Routing.Question, _ delay: Duration, _ now: Instant) {
    guard now + delay <= question.deadline else {
      let limit = Int(configuration.findTimeout.seconds)
      return close(number, .failure(EngineError(.timeout, "no kernel became available within \(limit) s; try later")))
    }
    routing.asking = nil
    timers.set(.ask(question: number), at: now + delay)
  }

  mutating func askAgain(_ number: Int, _ now: Instant) {
    if routing.questions[number] != nil { routing.queue.append(number) }
  }

  private mutating func close(_ number: Int, _ result: Result<Reply, EngineError>) {
    if let question = routing.questions[number] { effects.append(.answer(question.ticket, result)) }
    forget(number)
  }

  private mutating func forget(_ number: Int) {
    routing.questions[number] = nil
    routing.asking = nil
  }
}
