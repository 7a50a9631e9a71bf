// An engine under test: a clock that only the test moves, and every effect at hand.
import FleetEngine
import Testing

/// Carries out nothing by itself but commits, and those only while `commitsByItself`.
final class Harness {
  private(set) var engine: Engine
  private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
  /// What was asked for since the last `forget()`.
  private(set) var effects: [Effect] = []
  private(set) var answers: [Ticket: Result<Reply, EngineError>] = [:]
  /// All decisions so far.
  private(set) var decisions: [Decision] = []
  /// Commits that wait for an answer.
  private(set) var commits: [Int] = []
  var commitsByItself = true
  private var alarm: Instant?
  private var tickets = 0
  private var kernelsMade = 0

  init(_ configuration: EngineConfiguration = EngineConfiguration(), totalSpawned: Int = 0) {
    engine = Engine(configuration: configuration, totalSpawned: totalSpawned)
  }

  func send(_ event: Event) {
    for effect in engine.handle(event, now: now) { record(effect) }
    while commitsByItself, let next = commits.first { commit(next) }
  }

  private func record(_ effect: Effect) {
    effects.append(effect)
    switch effect {
    case .commit(let sequence, _, _): commits.append(sequence)
    case .wake(let at): alarm = at
    case .answer(let ticket, let result):
      #expect(answers[ticket] == nil, "ticket \(ticket.number) was answered twice")
      answers[ticket] = result
    case .decided(let decision):
      #expect(!decisions.contains { $0.id == decision.id }, "decision \(decision.id) was told twice")
      decisions.append(decision)
    default: break
    }
  }

  func commit(_ sequence: Int) {
    commits.removeAll { $0 == sequence }
    send(.committed(sequence: sequence))
  }

  func failCommit(_ sequence: Int, _ reason: String = "the disk is full") {
    commits.removeAll { $0 == sequence }
    send(.commitFailed(sequence: sequence, reason: reason))
  }

  func forget() { effects = [] }

  /// Moves the clock; like a host, it sends ticks only when the engine asked to be woken.
  func pass(_ duration: Duration) {
    let end = now + duration
    while let at = alarm, at <= end {
      alarm = nil
      now = max(now, at)
      send(.tick)
    }
    now = end
  }

  // MARK: Commands

  func command(_ command: Command) -> Ticket {
    tickets += 1
    send(.command(Ticket(tickets), command))
    return Ticket(tickets)
  }

  func candidate(_ specification: Specification = .lua) -> NewKernel {
    kernelsMade += 1
    return NewKernel(id: .number(kernelsMade), key: "key \(kernelsMade)", specification: specification)
  }

  func spawn(_ specification: Specification = .lua, mayTakeWarm: Bool = false) -> (KernelID, Ticket) {
    var new = candidate(specification)
    new.mayTakeWarm = mayTakeWarm
    return (new.id, command(.spawn(new)))
  }

  func find(_ requirements: Requirements = Requirements(language: "lua")) -> Ticket {
    let specification = Specification(
      kernelspec: "lua", language: requirements.language ?? "lua", config: requirements.config)
    return find(requirements, .success(specification))
  }

  func find(_ requirements: Requirements, _ specification: Result<Specification, EngineError>) -> Ticket {
    let new = candidate()
    return command(.find(requirements, candidate: Candidate(id: new.id, key: new.key, specification: specification)))
  }

  func stop(_ id: KernelID, force: Bool = false, timeout: Duration = .seconds(5)) -> Ticket {
    command(.stop(id, force: force, timeout: timeout))
  }

  // MARK: What the drivers tell

  func launched(_ id: KernelID) {
    let generation = self[id].generation
    send(.launched(id, generation: generation, .with(pid: Int32(generation * 100))))
  }

  func ready(_ id: KernelID) { send(.ready(id, generation: self[id].generation)) }

  func exited(_ id: KernelID, _ info: ExitInfo = ExitInfo(signal: 9)) {
    send(.exited(id, generation: self[id].generation, info))
  }

  func heartbeat(_ id: KernelID, alive: Bool) {
    send(.heartbeat(id, generation: self[id].generation, alive: alive))
  }

  func activity(_ id: KernelID, busy: Bool) { send(.activity(id, generation: self[id].generation, busy: busy)) }

  func connections(_ counts: [KernelID: Int]) { send(.connections(counts)) }

  /// The host makes as many kernels for the pool as it was asked for last.
  @discardableResult
  func provide(_ pool: String, _ specification: Specification = .lua) -> [KernelID] {
    let count = effects.reversed().lazy.compactMap { effect in
      if case .provide(pool, let count) = effect { count } else { nil }
    }.first
    let made = (0..<(count ?? 0)).map { _ in candidate(specification) }
    #expect(!made.isEmpty, "nothing was asked for")
    send(.provided(pool: pool, .success(made)))
    return made.map(\.id)
  }

  func reply(_ question: Int, _ answer: Answer?, failure: String? = nil) {
    send(.answered(question: question, PolicyAnswer(answer: answer, reason: "because", failure: failure)))
  }

  /// A policy's answer to the last question.
  func answer(_ answer: Answer?, _ reason: String? = "because", failure: String? = nil) {
    send(.answered(question: lastQuestion, PolicyAnswer(answer: answer, reason: reason, failure: failure)))
  }

  func answer(_ question: Int, _ answer: RouteAnswer?, failure: String? = nil) {
    send(
      .answered(question: question, PolicyAnswer(answer: answer.map(Answer.route), reason: "because", failure: failure))
    )
  }

  /// A kernel that has answered.
  func idleKernel(_ specification: Specification = .lua) -> KernelID {
    let (id, _) = spawn(specification)
    start(id)
    forget()
    return id
  }

  /// Brings a starting kernel to its first answer.
  func start(_ id: KernelID) {
    launched(id)
    ready(id)
  }

  // MARK: A look

  /// The kernel; the test ends if there is none.
  subscript(_ id: KernelID) -> Kernel {
    guard let kernel = engine.kernels[id] else { fatalError("\(id) is not there") }
    return kernel
  }

  func status(_ id: KernelID) -> Status? { engine.kernels[id]?.status }

  /// What was asked for since the last `forget()`, without notes, rows, alarms and answers.
  var acts: [String] { effects.compactMap(\.brief) }

  /// The number of the latest question.
  var lastQuestion: Int {
    for case .ask(let number, _) in effects.reversed() { return number }
    return 0
  }

  /// The subject of the latest question.
  var lastSubject: PolicyQuestion.Subject? {
    for case .ask(_, let question) in effects.reversed() { return question.subject }
    return nil
  }

  func pool(_ name: String = "p") -> PoolStatus {
    guard let pool = engine.pools.first(where: { $0.pool.name == name }) else { fatalError("no pool \(name)") }
    return pool
  }

  func notes(_ event: Note.Name) -> [String] {
    effects.compactMap { effect in
      if case .note(let note) = effect, note.event == event { note.detail } else { nil }
    }
  }

  func code(_ ticket: Ticket) -> EngineError.Code? {
    if case .failure(let error) = answers[ticket] { error.code } else { nil }
  }

  func message(_ ticket: Ticket) -> String? {
    if case .failure(let error) = answers[ticket] { error.message } else { nil }
  }

  func kernel(_ ticket: Ticket) -> Kernel? {
    switch answers[ticket] {
    case .success(.kernel(let kernel)), .success(.found(let kernel, _)): kernel
    default: nil
    }
  }

  func decision(_ ticket: Ticket) -> Decision? {
    if case .success(.found(_, let decision)) = answers[ticket] { decision } else { nil }
  }

  func rows() -> [String: KernelRow] {
    var rows: [String: KernelRow] = [:]
    for case .rows(let changes) in effects {
      for change in changes {
        switch change {
        case .put(let row): rows[row.uuid] = row
        case .remove(let uuid): rows[uuid] = nil
        }
      }
    }
    return rows
  }
}
