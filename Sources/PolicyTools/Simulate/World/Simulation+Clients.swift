// The clients of a simulation: they come, wait for a kernel, have code executed, and leave.
import FleetEngine

/// One client, from its arrival to its end.
struct Session {
  let client: Int
  var random: Randomness
  var requirements: Requirements
  let arrivedAt: Int64
  var phase = Phase.waiting
  var kernel: SimulatedKernel?
  var executionsLeft: Int
  /// Counts its requests; what is planned for an earlier one no longer matters.
  var step = 0
  var requestedAt: Int64 = 0
  var isAwaitingAnswer = false

  enum Phase { case waiting, connected, over }
}

/// What becomes of a client.
enum SessionEnd: String, CaseIterable {
  case served
  case refused
  /// It waited too long for a kernel, or for an answer.
  case impatient, unanswered
  /// Its kernel ended.
  case lost
}

extension Simulation {
  func planArrival(_ index: Int) {
    guard arrived[index] < scenario.clients[index].count, let time = arrivals[index].next() else { return }
    plan(.arrival(index), in: Int64(time * 1e9) - now)
  }

  func arrive(_ index: Int) {
    let client = scenario.clients[index]
    var random = Randomness(seed: scenario.seed, .session, index &* 1_000_000_007 &+ arrived[index])
    arrived[index] += 1
    var requirements = client.requirements
    if client.people > 0 {
      let person = random.below(client.people) + 1
      requirements.session = "session-\(index + 1)-\(person)"
      if requirements.owner == nil { requirements.owner = "user-\(person)" }
    }
    let number = sessions.count
    sessions.append(
      Session(
        client: index, random: random, requirements: requirements, arrivedAt: now, executionsLeft: 0))
    sessions[number].executionsLeft = client.executions.count(&sessions[number].random)
    present += 1
    waitingCount += 1
    tally.arrived()
    if let patience = client.patience { plan(.gaveUp(session: number, step: 0), in: patience) }
    planArrival(index)
    ask(number)
  }

  private func ask(_ number: Int) {
    let session = sessions[number]
    let client = scenario.clients[session.client]
    var specification = client.specification
    if let owner = session.requirements.owner { specification.owner = owner }
    let command: Command
    if client.spawns {
      command = .spawn(NewKernel(id: newID(), key: "", specification: specification, mayTakeWarm: true))
    } else {
      command = .find(
        session.requirements,
        candidate: Candidate(id: newID(), key: "", specification: .success(specification), mayTakeWarm: true))
    }
    let event = Event.command(Ticket(number + 1), command)
    guard engine != nil else { return unheard.append(event) }
    if scenario.host.connections == 0 { countConnections() }
    tell(event)
  }

  /// The host has died: whoever waited for its answer asks the next one.
  func askAgain() {
    for (number, session) in sessions.enumerated() where session.phase == .waiting { ask(number) }
  }

  func answered(_ ticket: Int, _ result: Result<Reply, EngineError>) {
    let number = ticket - 1
    guard sessions.indices.contains(number), sessions[number].phase == .waiting else { return }
    switch result {
    case .success(.found(let kernel, _)), .success(.kernel(let kernel)):
      tally.waited(now - sessions[number].arrivedAt)
      guard let process = kernels[kernel.id], process.isReady else { return leave(number, .lost) }
      connect(number, process)
    case .success(.removed): break
    case .failure(let error):
      tally.refused(error)
      leave(number, .refused)
    }
  }

  private func connect(_ number: Int, _ kernel: SimulatedKernel) {
    waitingCount -= 1
    sessions[number].phase = .connected
    sessions[number].kernel = kernel
    kernel.clients.insert(number)
    connections[kernel.id, default: 0] += 1
    isCounted = false
    let client = scenario.clients[sessions[number].client]
    if let length = client.length { plan(.overstayed(session: number), in: length.time(&sessions[number].random)) }
    if sessions[number].executionsLeft > 0 {
      act(number)
    } else if client.length == nil {
      leave(number, .served)
    }
  }

  /// The client sends its next request.
  func act(_ number: Int) {
    guard sessions[number].phase == .connected, let kernel = sessions[number].kernel else { return }
    let client = scenario.clients[sessions[number].client]
    sessions[number].step += 1
    sessions[number].requestedAt = now
    sessions[number].isAwaitingAnswer = true
    let step = sessions[number].step
    let service = client.service.sample(&sessions[number].random)
    kernel.queue.append(SimulatedKernel.Request(session: number, number: step, service: service))
    if let timeout = client.timeout { plan(.gaveUp(session: number, step: step), in: timeout) }
    proceed(kernel)
  }

  func executionAnswered(_ request: SimulatedKernel.Request) {
    let number = request.session
    guard sessions[number].phase == .connected, sessions[number].step == request.number,
      sessions[number].isAwaitingAnswer
    else { return }
    sessions[number].isAwaitingAnswer = false
    sessions[number].executionsLeft -= 1
    tally.executed(now - sessions[number].requestedAt)
    let client = scenario.clients[sessions[number].client]
    if sessions[number].executionsLeft > 0 {
      plan(.act(number), in: client.think.time(&sessions[number].random))
    } else if client.length == nil {
      leave(number, .served)
    }
  }

  func giveUp(_ number: Int, _ step: Int) {
    switch sessions[number].phase {
    case .waiting where step == 0: leave(number, .impatient)
    case .connected where step > 0 && step == sessions[number].step && sessions[number].isAwaitingAnswer:
      leave(number, .unanswered)
    default: break
    }
  }

  /// Its time is over.
  func overstay(_ number: Int) {
    if sessions[number].phase == .connected { leave(number, .served) }
  }

  /// The kernel has ended, and all that its clients had in it.
  func lose(_ kernel: SimulatedKernel) {
    for number in kernel.clients.sorted() { leave(number, .lost) }
  }

  private func leave(_ number: Int, _ end: SessionEnd) {
    if sessions[number].phase == .waiting { waitingCount -= 1 }
    sessions[number].phase = .over
    present -= 1
    tally.left(end)
    guard let kernel = sessions[number].kernel else { return }
    sessions[number].kernel = nil
    kernel.clients.remove(number)
    guard !kernel.hasEnded else { return }
    isCounted = false
    let others = kernel.clients.count
    connections[kernel.id] = others == 0 ? nil : others
    if others == 0, scenario.clients[sessions[number].client].stopsKernel, engine != nil {
      tell(.command(Ticket(0), .stop(kernel.id, force: false, timeout: .seconds(5))))
    }
  }
}
