// Policies of a fleet: Lua files that decide where a decision is a matter of taste. Each has a thread and a state of
// its own.

import FleetEngine
import LuaRuntime
import Synchronization

/// Asks policy files in the order in which they are given until one has an opinion; of alerts, all.
///
/// A policy that errs, answers nonsense or does not come back in time costs its asker that time and nothing else: the
/// answer is then a failure, and the native rule decides. After five failures in a row a policy is set aside until its
/// file changes. A file that changes is loaded, tried and put into the place of what ran before; one that is no good
/// replaces nothing.
public final class PolicyHost: Policies {
  private let policies: [EntryPoint: [Policy]]
  private let shadows: [EntryPoint: [Policy]]
  private let house: PolicyHouse
  private let changes = ChangeRelay()

  private var all: [Policy] {
    EntryPoint.allCases.flatMap { (policies[$0] ?? []) + (shadows[$0] ?? []) }
  }

  /// Loads the files and returns when each has been run once. One that cannot be loaded is there all the same, as
  /// `broken`: `summaries` tells why, and it is tried again when it changes.
  /// - Parameters:
  ///   - paths: absolute paths, in the order in which they are asked.
  ///   - shadows: asked beside them; their answers are only compared.
  ///   - store: where the last good text and the memory of each policy are kept; nil keeps neither.
  ///   - rehearsal: tries a changed file before it is used; says what is wrong with it, nil if nothing is. It is called
  ///     on a thread of its own and may take long.
  ///   - log: takes what policies log, and what befalls them. It is called on their threads and must not block.
  public init(
    paths: [EntryPoint: [String]], shadows shadowPaths: [EntryPoint: [String]] = [:],
    budget: PolicyBudget = PolicyBudget(), store: PolicyStore? = nil,
    rehearsal: (@Sendable (_ path: String, _ text: [UInt8]) -> String?)? = nil,
    log: @escaping @Sendable (PolicyMessage) -> Void
  ) {
    let changes = changes
    var watch: FileWatch?
    do throws(PolicyError) { watch = try FileWatch { changes.changed($0) } } catch {
      log(PolicyMessage(path: "policies", text: "changes will not be seen: \(error)", isFromHost: true))
    }
    if let why = watch?.blindness {
      log(PolicyMessage(path: "policies", text: "changes will not be seen: \(why)", isFromHost: true))
    }
    let house = PolicyHouse(budget: budget, store: store, rehearsal: rehearsal, watch: watch, log: log)
    self.house = house
    for path in Set((paths.values.joined() + Array(shadowPaths.values.joined()))) { watch?.add(path) }
    policies = paths.reduce(into: [:]) { made, next in
      made[next.key] = next.value.map { Policy(entry: next.key, path: $0, house: house) }
    }
    shadows = shadowPaths.reduce(into: [:]) { made, next in
      made[next.key] = next.value.map { Policy(entry: next.key, path: $0, isShadow: true, house: house) }
    }
    changes.listen(all)
    for policy in all { policy.waitUntilLoaded() }
  }

  public convenience init(
    route paths: [String], budget: PolicyBudget = PolicyBudget(), log: @escaping @Sendable (PolicyMessage) -> Void
  ) {
    self.init(paths: [.route: paths], budget: budget, log: log)
  }

  deinit {
    house.watch?.end()
    changes.listen([])
    for policy in all { policy.stop() }
  }

  public var entries: Set<EntryPoint> { Set(policies.filter { !$0.value.isEmpty }.keys) }

  public func apply(_ changes: [KernelRowChange]) {
    let byID = Dictionary(changes.map { ($0.uuid, $0) }) { $1 }
    for policy in all { policy.apply(byID) }
  }

  /// Loads files again, changed or not.
  /// - Parameter path: of one file; nil for all.
  /// - Returns: why they cannot be used, by path; nil for those that can. Nothing if there is no such policy.
  public func reload(_ path: String? = nil) async -> [(path: String, problem: String?)] {
    let chosen = all.filter { path == nil || $0.path == path }
    return await withTaskGroup(of: (Int, String?).self) { group in
      for (index, policy) in chosen.enumerated() {
        group.addTask {
          (
            index,
            await withCheckedContinuation { continuation in policy.reload { continuation.resume(returning: $0) } }
          )
        }
      }
      let problems = await group.reduce(into: [:]) { $0[$1.0] = $1.1 as String?? }
      return chosen.enumerated().map { ($1.path, problems[$0] ?? nil) }
    }
  }

  /// Keeps the memory of all policies as it is now; returns when it is in the store.
  public func keepEverything() async {
    guard house.store != nil, let watch = house.watch else { return }
    for policy in all { await policy.checkpointed() }
    await withCheckedContinuation { continuation in watch.later(0) { continuation.resume() } }
  }

  public func unusable(_ path: String, _ entry: EntryPoint, why: String) {
    policies[entry]?.first { $0.path == path }?.blame(why)
  }

  public func summaries() -> [PolicySummary] { all.map { $0.summary() } }

  // MARK: - Asking

  public func ask(_ question: PolicyQuestion, reply: @escaping @Sendable (PolicyAnswer) -> Void) {
    let shadows = shadows[question.entry] ?? []
    guard !shadows.isEmpty else { return ask(question, at: 0, PolicyAnswer(), reply) }
    let comparison = ShadowComparison()
    for shadow in shadows { shadow.ask(question) { comparison.heard(shadow, $0) } }
    ask(question, at: 0, PolicyAnswer()) {
      reply($0)
      comparison.counted($0)
    }
  }

  /// - Parameter trail: what is said if no policy from here on has an opinion.
  private func ask(
    _ question: PolicyQuestion, at index: Int, _ trail: PolicyAnswer,
    _ reply: @escaping @Sendable (PolicyAnswer) -> Void
  ) {
    guard let candidates = policies[question.entry], index < candidates.count else { return reply(trail) }
    let policy = candidates[index]
    policy.ask(question) { [self] outcome in
      let duration = trail.duration + outcome.duration
      switch outcome.result {
      case .verdict(.answer(.alert(let conditions), let reason)):
        // Everybody may have something to tell: a list of conditions keeps nobody from telling of others.
        var trail = trail.adding(conditions, reason, of: policy.path, outcome.hash)
        trail.duration = duration
        ask(question, at: index + 1, trail, reply)
      case .verdict(.answer(let answer, let reason)):
        reply(
          PolicyAnswer(
            answer: answer, reason: reason, policy: policy.path, hash: outcome.hash, duration: duration))
      case .verdict(.failure(let what)):
        reply(PolicyAnswer(policy: policy.path, hash: outcome.hash, failure: what, duration: duration))
      case .verdict(.noOpinion(let reason)):
        var trail = trail
        if trail.answer == nil { trail.reason = reason }
        trail.duration = duration
        ask(question, at: index + 1, trail, reply)
      case .unavailable where trail.answer != nil: ask(question, at: index + 1, trail, reply)
      case .unavailable(let why):
        var trail = trail
        trail.failure = trail.failure ?? why
        trail.policy = trail.policy ?? policy.path
        trail.hash = trail.hash ?? outcome.hash
        ask(question, at: index + 1, trail, reply)
      }
    }
  }
}

extension PolicyAnswer {
  /// The conditions of one alert policy beside those of the policies before it. One that is set aside hides nothing.
  fileprivate func adding(
    _ conditions: [AlertCondition], _ reason: String?, of policy: String, _ hash: String
  ) -> PolicyAnswer {
    var sum = self
    if case .alert(let others) = answer {
      sum.answer = .alert(others + conditions)
      sum.reason = [self.reason, reason].compactMap(\.self).joined(separator: "; ")
      if sum.reason == "" { sum.reason = nil }
    } else {
      sum.answer = .alert(conditions)
      sum.reason = reason
      sum.policy = policy
      sum.hash = hash
    }
    sum.failure = nil
    return sum
  }
}

/// Hands changes of files to the policies that are made of them.
private final class ChangeRelay: Sendable {
  private let policies = Mutex<[Policy]>([])

  func listen(_ policies: [Policy]) { self.policies.withLock { $0 = policies } }

  func changed(_ path: String) {
    for policy in policies.withLock({ $0 }) {
      if policy.path == path { policy.fileChanged() } else if policy.isFixture(path) { policy.fixtureChanged() }
    }
  }
}

/// Something that a policy logged, or that happened to it.
public struct PolicyMessage: Sendable, Hashable {
  public var path: String
  public var text: String
  /// It is about the policy, not from it.
  public var isFromHost: Bool

  public init(path: String, text: String, isFromHost: Bool) {
    self.path = path
    self.text = text
    self.isFromHost = isFromHost
  }
}
