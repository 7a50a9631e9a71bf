// Policies of a fleet: Lua files that decide who gets which kernel. Each has a thread and a state of its own.

import FleetEngine
import LuaRuntime

/// Asks policy files in the order in which they are given until one has an opinion.
///
/// A policy that errs, answers nonsense or does not come back in time costs its asker that time and nothing else: the
/// answer is then a failure, and the native rule decides. After five failures in a row a policy is set aside until its
/// file changes.
public final class PolicyHost: Policies {
  private let routes: [Policy]

  /// Loads the files and returns when each has been run once. One that cannot be loaded is there all the same, as
  /// `broken`: `summaries` tells why, and it is tried again when it changes.
  /// - Parameters:
  ///   - route: absolute paths.
  ///   - log: takes what policies log, and what befalls them. It is called on their threads and must not block.
  public init(
    route paths: [String], budget: PolicyBudget = PolicyBudget(), log: @escaping @Sendable (PolicyMessage) -> Void
  ) {
    routes = paths.map { Policy(entry: "route", path: $0, budget: budget, log: log) }
    for policy in routes { policy.waitUntilLoaded() }
  }

  deinit {
    for policy in routes { policy.stop() }
  }

  public var entries: Set<EntryPoint> { routes.isEmpty ? [] : [.route] }

  public func apply(_ changes: [KernelRowChange]) {
    for policy in routes { policy.apply(changes) }
  }

  public func ask(_ question: PolicyQuestion, reply: @escaping @Sendable (PolicyAnswer) -> Void) {
    ask(question, at: 0, PolicyAnswer(), reply)
  }

  /// - Parameter trail: what is said if no policy from here on has an opinion.
  private func ask(
    _ question: PolicyQuestion, at index: Int, _ trail: PolicyAnswer,
    _ reply: @escaping @Sendable (PolicyAnswer) -> Void
  ) {
    guard index < routes.count else { return reply(trail) }
    let policy = routes[index]
    policy.ask(question) { [self] outcome in
      let duration = trail.duration + outcome.duration
      switch outcome.result {
      case .verdict(.answer(let answer, let reason)):
        reply(
          PolicyAnswer(
            answer: .route(answer), reason: reason, policy: policy.path, hash: outcome.hash, duration: duration))
      case .verdict(.failure(let what)):
        reply(PolicyAnswer(policy: policy.path, hash: outcome.hash, failure: what, duration: duration))
      case .verdict(.noOpinion(let reason)):
        var trail = trail
        trail.reason = reason
        trail.duration = duration
        ask(question, at: index + 1, trail, reply)
      case .unavailable(let why):
        var trail = trail
        trail.failure = trail.failure ?? why
        trail.policy = trail.policy ?? policy.path
        trail.hash = trail.hash ?? outcome.hash
        ask(question, at: index + 1, trail, reply)
      }
    }
  }

  public func summaries() -> [PolicySummary] { routes.map { $0.summary() } }
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
