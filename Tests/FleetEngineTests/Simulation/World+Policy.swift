// The policies of a simulated world: honest about quotas, otherwise of any mind, silent now and then.
import FleetEngine

/// What the policies see, and whether they are being asked.
struct PolicySeat {
  /// Kernels of this language are under a quota, which honest policies keep.
  static let quotaLanguage = "quota"
  static let quota = 3

  private(set) var rows: [String: KernelRow] = [:]
  /// The question about a request that is being worked on.
  private(set) var open: Int?
  private(set) var asked: Set<Int> = []
  private(set) var decided: Set<Int> = []
  /// Questions about requests that nothing was decided about yet.
  private var undecided: Set<Int> = []
  private var resolving = false
  private var last = 0
  private var lastOfRequests = 0
  private var askedAt: Int64 = 0

  mutating func apply(_ changes: [KernelRowChange]) {
    for change in changes {
      switch change {
      case .put(let row): rows[row.uuid] = row
      case .remove(let uuid): rows[uuid] = nil
      }
    }
  }

  /// In the order of spawning.
  var sorted: [KernelRow] { rows.values.sorted { $0.serial < $1.serial } }

  mutating func ask(_ number: Int, _ entry: EntryPoint, _ now: Int64) throws {
    if number <= last { throw Violation("question \(number) is asked after \(last)") }
    last = number
    asked.insert(number)
    guard entry == .route || entry == .admit else { return }
    // The router's, while somebody is asked whether what it wants may be started.
    if entry == .route, let former = undecided.first {
      throw Violation("question \(number) is asked, and nothing was decided about \(former)")
    }
    undecided.insert(number)
    if let open { throw Violation("question \(number) is asked while \(open) is open") }
    (open, lastOfRequests, resolving, askedAt) = (number, number, false, now)
  }

  mutating func resolves(_ number: Int) throws {
    guard lastOfRequests == number, !resolving else {
      throw Violation("question \(number) is resolved, but \(lastOfRequests) was asked")
    }
    resolving = true
  }

  mutating func decide(_ number: Int) throws {
    undecided.remove(number)
    guard decided.insert(number).inserted else { throw Violation("question \(number) was decided twice") }
  }

  /// Whether an answer closes the open question shows in what the engine did about it; a silence of 10 s does.
  mutating func takeIn(_ event: Event, _ effects: [Effect], _ now: Int64) {
    let isResolving = effects.contains { if case .resolve = $0 { true } else { false } }
    switch event {
    case .answered(let number, _) where number == open && !resolving && !isResolving: open = nil
    case .resolved(let number, _) where number == open && resolving: open = nil
    default: if now - askedAt >= 10 * World.second { open = nil }
    }
  }
}

extension World {
  func ask(_ number: Int, _ question: PolicyQuestion) throws {
    try policy.ask(number, question.entry, now)
    guard configuration.entries.contains(question.entry) else {
      throw Violation("nobody is there to be asked about \(question.entry)")
    }
    try checkRows()
    let (answer, isHonest) = answer(question.subject)
    if !isHonest, mishap(.policySilent, 60) { return }
    let failure = answer == nil && random.one(in: 2) ? "policy.lua:1: attempt to index nil" : nil
    tell(.answered(question: number, PolicyAnswer(answer: answer, reason: "because", failure: failure)))
  }

  func decided(_ decision: Decision) throws {
    tally.decisions += 1
    try policy.decide(decision.id)
    guard decision.outcome.entry == decision.question.entry else {
      throw Violation("\(decision.question.entry) was asked, and \(decision.outcome) was decided")
    }
    if case .scale(let outcome) = decision.outcome, case .scale(let view) = decision.question.subject,
      !(view.minimum...view.maximum).contains(outcome.wanted)
    {
      throw Violation("\(outcome.wanted) kernels are wanted of \(view)")
    }
    if case .restart(.restart(let delay)) = decision.outcome, !(0.1...3600).contains(delay) {
      throw Violation("a restart waits for \(delay) s")
    }
  }

  private func answer(_ subject: PolicyQuestion.Subject) -> (answer: Answer?, isHonest: Bool) {
    switch subject {
    case .route(let wanted) where wanted.language == PolicySeat.quotaLanguage: return (.route(honestRoute()), true)
    case .admit(let wanted) where wanted.language == PolicySeat.quotaLanguage: return (.admit(honestAdmission()), true)
    case .route: return (anyRoute().map(Answer.route), false)
    case .admit: return (anyAdmission(), false)
    case .scale: return (anyScale(), false)
    case .alert: return (isCalm || !random.one(in: 8) ? .alert(anyConditions()) : nil, false)
    case .restart: return (anyRestart(), false)
    }
  }

  /// Three kernels at most, whoever asks at the same time.
  private func honestRoute() -> RouteAnswer {
    let mine = policy.sorted.filter { $0.language == PolicySeat.quotaLanguage }
    if mine.count < PolicySeat.quota { return .spawn(config: nil, language: nil) }
    if let kernel = mine.first(where: { Status(rawValue: $0.status)?.isUsable == true }) { return .use(kernel.id) }
    return .reject("quota of \(PolicySeat.quota) reached")
  }

  private func honestAdmission() -> AdmitAnswer {
    let count = policy.sorted.count { $0.language == PolicySeat.quotaLanguage }
    return count < PolicySeat.quota ? .allow(limits: Limits()) : .reject("quota of \(PolicySeat.quota) reached")
  }

  private func anyRoute() -> RouteAnswer? {
    let rows = policy.sorted.filter { $0.language != PolicySeat.quotaLanguage }
    switch random.below(12) {
    case 0...4: return rows.randomElement(using: &random).map { .use(random.pick([$0.id, $0.uuid, $0.name ?? "?"])) }
    case 5: return .use("kernel-ffffffff")
    case 6: return .spawn(config: nil, language: nil)
    case 7: return .spawn(config: "other.toml", language: nil)
    case 8: return .wait(seconds: random.pick([0, 0.2, 3, 100, -1, .nan, .infinity]))
    case 9: return .reject("no")
    default: return nil
    }
  }

  private func anyAdmission() -> Answer? {
    switch random.below(8) {
    case 0: .admit(.reject("no"))
    case 1: .admit(.allow(limits: Limits(memory: 1000, nice: 30)))
    case 2: .route(.reject("what?"))
    case 3: nil
    default: .admit(.allow(limits: Limits()))
    }
  }

  private func anyScale() -> Answer? {
    if isCalm { return .scale(ScaleAnswer(wanted: 2)) }
    let retire = policy.sorted.map(\.id).filter { _ in random.one(in: 4) }
    switch random.below(10) {
    case 0: return nil
    case 1: return .scale(ScaleAnswer(wanted: random.pick([.max, .min, -1])))
    case 2: return .alert([])
    default: return .scale(ScaleAnswer(wanted: random.below(8), retire: retire + ["nobody"]))
    }
  }

  private func anyRestart() -> Answer? {
    switch random.below(8) {
    case 0: .restart(.giveUp("hopeless"))
    case 1: nil
    case 2: .restart(.restart(after: .nan))
    case 3: .admit(.reject("what?"))
    default: .restart(.restart(after: random.pick([-1, 0, 0.2, 2, 30])))
    }
  }

  func resolve(_ number: Int, _ config: String?, _ language: String?) throws {
    try policy.resolves(number)
    if mishap(.policySilent, 30) { return }
    let isKnown = random.one(in: 2)
    let result: Result<Specification, EngineError> =
      isKnown ? .success(.lua(config: config)) : .failure(EngineError(.configNotFound, "no such config"))
    tell(.resolved(question: number, result))
  }
}

extension Answer {
  fileprivate var entry: EntryPoint {
    switch self {
    case .admit: .admit
    case .route: .route
    case .scale: .scale
    case .alert: .alert
    case .restart: .restart
    }
  }
}
