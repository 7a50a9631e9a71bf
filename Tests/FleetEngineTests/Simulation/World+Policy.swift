// The policies of a simulated world: honest about quotas, otherwise of any mind, silent now and then.
import FleetEngine

/// What the policies see, and whether they are being asked.
struct PolicySeat {
  /// Requests for this language are answered by a policy that allows so many kernels of it.
  static let quotaLanguage = "quota"
  static let quota = 3

  private(set) var rows: [String: KernelRow] = [:]
  private(set) var open: Int?
  private var resolving = false
  private var last = 0
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

  mutating func asked(_ number: Int, _ now: Int64) throws {
    if let open { throw Violation("question \(number) is asked while \(open) is open") }
    if number <= last { throw Violation("question \(number) is asked after \(last)") }
    (open, last, resolving, askedAt) = (number, number, false, now)
  }

  mutating func resolves(_ number: Int) throws {
    guard last == number, !resolving else { throw Violation("question \(number) is resolved, but \(last) was asked") }
    resolving = true
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
    try policy.asked(number, now)
    try checkRows()
    let isQuota = question.requirements?.language == PolicySeat.quotaLanguage
    if !isQuota, mishap(60) { return }
    let answer = isQuota ? honest() : anyMind()
    let failure = answer == nil && random.one(in: 2) ? "policy.lua:1: attempt to index nil" : nil
    tell(
      .answered(question: number, PolicyAnswer(answer: answer.map(Answer.route), reason: "because", failure: failure)))
  }

  /// Three kernels at most, whoever asks at the same time.
  private func honest() -> RouteAnswer? {
    let mine = policy.sorted.filter { $0.language == PolicySeat.quotaLanguage }
    if mine.count < PolicySeat.quota { return .spawn(config: nil, language: nil) }
    if let kernel = mine.first(where: { Status(rawValue: $0.status)?.isUsable == true }) { return .use(kernel.id) }
    return .reject("quota of \(PolicySeat.quota) reached")
  }

  private func anyMind() -> RouteAnswer? {
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

  func resolve(_ number: Int, _ config: String?, _ language: String?) throws {
    try policy.resolves(number)
    if mishap(30) { return }
    let isKnown = random.one(in: 2)
    let result: Result<Specification, EngineError> =
      isKnown ? .success(.lua(config: config)) : .failure(EngineError(.configNotFound, "no such config"))
    tell(.resolved(question: number, result))
  }
}
