// Whether a new kernel may be started, and with which limits; and where it comes from: a warm one of a pool, or a new one.

extension Engine {
  /// Clients ask for a new kernel.
  mutating func spawn(_ new: NewKernel, _ ticket: Ticket, _ now: Instant) {
    let candidate = Candidate(
      id: new.id, key: new.key, specification: .success(new.specification), mayTakeWarm: new.mayTakeWarm)
    let request = Routing.Request(ticket: ticket, purpose: .spawn, candidate: candidate, deadline: .never)
    guard configuration.entries.contains(.admit) else {
      return enact(Permit(request: request, specification: new.specification), now)
    }
    routing.queue.append(request)
  }

  /// Asks whether what the client, or the router for it, wants may be started.
  mutating func admit(_ request: Routing.Request, _ route: Decision?, _ now: Instant) {
    guard case .success(let specification) = request.candidate.specification else {
      preconditionFailure("what could not be resolved is not admitted")
    }
    guard configuration.entries.contains(.admit) else {
      return enact(Permit(request: request, specification: specification, route: route), now)
    }
    ask(.admit(specification), request, .admit(specification, route), now)
  }

  mutating func admitted(
    _ question: Routing.Question, _ specification: Specification, _ route: Decision?, _ policy: PolicyAnswer,
    _ now: Instant
  ) {
    var (policy, specification) = (policy, specification)
    if policy.answer != nil {
      guard case .admit = policy.answer else {
        policy.failure = "it answered another question"
        return allow(question, specification, route, policy, now)
      }
    }
    guard policy.failure == nil, case .admit(let answer) = policy.answer else {
      return allow(question, specification, route, policy, now)
    }
    var decision = Decision(
      id: question.number, question: question.asked, policy: policy, outcome: .admit(answer),
      reason: policy.words)
    switch answer {
    case .reject(let why):
      effects.append(.decided(decision))
      refuse(question.request, EngineError(.refused, "refused by policy: \(why)"), [route])
    case .allow(let limits):
      (specification.limits, decision.clamps) = Admission.impose(limits, on: specification.limits)
      decision.outcome = .admit(.allow(limits: specification.limits))
      enact(
        Permit(request: question.request, specification: specification, route: route, admission: decision), now)
    }
  }

  /// The native rule: whatever was asked for.
  private mutating func allow(
    _ question: Routing.Question, _ specification: Specification, _ route: Decision?, _ policy: PolicyAnswer,
    _ now: Instant
  ) {
    let decision = Decision(
      id: question.number, question: question.asked, policy: policy,
      outcome: .admit(.allow(limits: specification.limits)), reason: "allowed as it was asked for",
      isFallback: policy.failure != nil)
    enact(Permit(request: question.request, specification: specification, route: route, admission: decision), now)
  }

  /// Gives a warm kernel, or starts one.
  private mutating func enact(_ permit: Permit, _ now: Instant) {
    let candidate = permit.request.candidate
    let new = NewKernel(
      id: candidate.id, key: candidate.key, specification: permit.specification, mayTakeWarm: candidate.mayTakeWarm)
    do throws(EngineError) {
      let (id, isWarm) = try place(new, now)
      var (route, admission) = (permit.route, permit.admission)
      admission?.kernel = id
      route?.kernel = id
      if isWarm {
        let pool = kernels[id]!.specification.pool ?? ""
        route?.reason += "; a warm kernel of pool \(pool) was taken"
      } else {
        route?.spawned = true
      }
      for decision in [admission, route].compactMap(\.self) { effects.append(.decided(decision)) }
      deliver(id, isWarm: isWarm, permit.request, route, now)
    } catch {
      refuse(permit.request, error, [permit.admission, permit.route])
    }
  }

  /// A client gets its kernel when it answers, and what was promised is on the disk.
  private mutating func deliver(
    _ id: KernelID, isWarm: Bool, _ request: Routing.Request, _ route: Decision?, _ now: Instant
  ) {
    let isThere = kernels[id]!.status != .starting
    guard let route else {
      if isThere {
        save(id, durable: true, then: .answer(request.ticket, .kernel(kernels[id]!), isSafe: false))
      } else {
        wait(request.ticket, .start, for: id)
      }
      return release(request)
    }
    guard isThere else { return promise(id, request, route) }
    note(id, .routed, route.reason)
    remember(request.requirements?.session, id)
    let reply = found(id, route, now)
    save(id, durable: true, then: .answer(request.ticket, reply, isSafe: false))
    release(request)
  }

  /// A warm kernel that serves as well as a new one, or a new one.
  private mutating func place(_ new: NewKernel, _ now: Instant) throws(EngineError) -> (KernelID, isWarm: Bool) {
    if let name = new.specification.name { try checkName(name, for: new.specification.owner) }
    flushRows()
    if let pool = new.specification.pool, poolStates[pool] == nil {
      let known = configuration.pools.map(\.name).joined(separator: ", ")
      let advice = known.isEmpty ? "fleet.toml has none" : "there are: \(known)"
      throw EngineError(.badRequest, "there is no pool '\(pool)'; \(advice)")
    }
    if new.mayTakeWarm, let id = warmKernel(for: new.specification) {
      claim(id, new.specification, now)
      return (id, true)
    }
    if let pool = new.specification.pool { try checkRoom(in: pool, now) }
    let id = try add(new, now)
    if new.specification.pool != nil {
      kernels[id]!.isClaimed = true
      countArrival(id)
    }
    return (id, false)
  }
}
