// Questions to the policies, one number for each. Those about clients' requests go out one at a time: the next when the
// last answer, with its reservation or its starting row, is applied, so concurrent requests never overrun what a policy
// allows. Scaling, alerts and restarts have questions of their own, so that a slow one of them holds up nobody.
import DequeModule

/// What a question is about that no client waits for.
enum Inquiry: Sendable {
  case scale(pool: String)
  case cull
  case alert
  case restart(KernelID, generation: Int, native: Backoff.Verdict)
}

/// What is to be asked when all that follows from an event was done, so that policies see all rows as it left them.
enum DueInquiry: Sendable {
  case scale(pool: String)
  case cull
  case alert
  case crash(PendingCrash)
}

extension Engine {
  /// The next question, of which the policies have seen every row before.
  mutating func question(_ subject: PolicyQuestion.Subject, _ now: Instant) -> (number: Int, PolicyQuestion) {
    flushRows()
    lastQuestion += 1
    let seed = UInt64(lastQuestion) &* 0x9E37_79B9_7F4A_7C15
    return (lastQuestion, PolicyQuestion(subject, now: now, seed: seed))
  }

  mutating func pumpQuestions(_ now: Instant) {
    while routing.asking == nil, let request = routing.queue.popFirst() {
      // Nothing that follows from what happened changes a row after the question.
      settlePools(now)
      switch request.purpose {
      case .spawn: admit(request, nil, now)
      case .find(let requirements): route(request, requirements, now)
      }
    }
  }

  /// Asks about a request, which is the one that is worked on from now on.
  mutating func ask(
    _ subject: PolicyQuestion.Subject, _ request: Routing.Request, _ stage: Routing.Stage, _ now: Instant
  ) {
    let (number, question) = question(subject, now)
    let overdue = now + configuration.answerTimeout
    watchAnswer(until: overdue)
    routing.asking = Routing.Question(
      number: number, asked: question, request: request, overdue: overdue, stage: stage)
    effects.append(.ask(question: number, question))
  }

  private mutating func watchAnswer(until overdue: Instant) {
    guard !routing.isWatched else { return }
    routing.isWatched = true
    timers.set(.answer, at: overdue)
  }

  /// Policies and resolver always answer; if one does not, its client must not be the one who finds out.
  mutating func lookForAnswer(_ now: Instant) {
    routing.isWatched = false
    guard let question = routing.asking else { return }
    if now < question.overdue { return watchAnswer(until: question.overdue) }
    if case .resolve(let decision) = question.stage {
      let error = EngineError(.timeout, "the host did not find out what to start; try again")
      return refuse(question.request, error, [decision])
    }
    answered(question.number, silence, now)
  }

  private var silence: PolicyAnswer {
    PolicyAnswer(failure: "no answer came within \(configuration.answerTimeout.seconds) s")
  }

  mutating func answered(_ number: Int, _ policy: PolicyAnswer, _ now: Instant) {
    if let question = routing.asking, question.number == number {
      switch question.stage {
      case .route: routed(question, policy, now)
      case .resolve: break
      case .admit(let specification, let route): admitted(question, specification, route, policy, now)
      }
    } else if let (asked, inquiry) = inquiries.removeValue(forKey: number) {
      switch inquiry {
      case .scale(let pool): scaled(pool, number, asked, policy, now)
      case .cull: culled(number, asked, policy, now)
      case .alert: alerted(number, asked, policy, now)
      case .restart(let id, let generation, let native):
        restartDecided(id, generation, native, number, asked, policy, now)
      }
    }
  }

  /// Asks what is due.
  mutating func inquire(_ now: Instant) {
    for inquiry in due {
      switch inquiry {
      case .scale(let pool): askScale(pool, now)
      case .cull: askCull(now)
      case .alert: inquire(.alert, .alert, now)
      case .crash(let crash): settle(crash, now)
      }
    }
    due = []
  }

  /// Asks about something that no client waits for.
  mutating func inquire(_ subject: PolicyQuestion.Subject, _ inquiry: Inquiry, _ now: Instant) {
    let (number, question) = question(subject, now)
    inquiries[number] = (question, inquiry)
    timers.set(.inquiry(question: number), at: now + configuration.answerTimeout)
    effects.append(.ask(question: number, question))
  }

  mutating func lookForAnswer(to inquiry: Int, _ now: Instant) {
    if inquiries[inquiry] != nil { answered(inquiry, silence, now) }
  }

  /// Says no to whoever asked, and records what was decided on the way.
  mutating func refuse(_ request: Routing.Request, _ error: EngineError, _ decisions: [Decision?]) {
    for var decision in decisions.compactMap(\.self) {
      decision.clamps.append("not carried out: \(error.message)")
      effects.append(.decided(decision))
    }
    close(request, .failure(error))
  }

  mutating func close(_ request: Routing.Request, _ result: Result<Reply, EngineError>) {
    effects.append(.answer(request.ticket, result))
    release(request)
  }

  /// The next request may be worked on, if this was the one.
  mutating func release(_ request: Routing.Request) {
    if routing.asking?.request.ticket == request.ticket { routing.asking = nil }
  }
}
