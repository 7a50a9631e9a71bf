// What a policy is asked, what it may answer, and what becomes of it.

/// A question of the router. `now` and `seed` make the answer reproducible.
public struct RouteQuestion: Sendable, Hashable {
  public var requirements: Requirements
  public var now: Instant
  public var seed: UInt64

  public init(requirements: Requirements, now: Instant, seed: UInt64) {
    self.requirements = requirements
    self.now = now
    self.seed = seed
  }
}

public enum RouteAnswer: Sendable, Hashable {
  /// The id, UUID or name of a kernel.
  case use(String)
  case spawn(config: String?, language: String?)
  /// Ask again after so many seconds.
  case wait(seconds: Double)
  case reject(String)
}

/// What the policies of one entry point made of one question.
public struct PolicyAnswer: Sendable, Hashable {
  /// Nil: no policy had an opinion, or the one that was asked failed.
  public var answer: RouteAnswer?
  public var reason: String?
  /// The file that answered or failed; nil if there is none.
  public var policy: String?
  /// A hash of that file's text.
  public var hash: String?
  /// Why it failed, with file and line; nil if it did not.
  public var failure: String?
  public var duration: Duration

  public init(
    answer: RouteAnswer? = nil, reason: String? = nil, policy: String? = nil, hash: String? = nil,
    failure: String? = nil, duration: Duration = .zero
  ) {
    self.answer = answer
    self.reason = reason
    self.policy = policy
    self.hash = hash
    self.failure = failure
    self.duration = duration
  }
}

/// A decision as it was carried out.
public struct Decision: Sendable, Hashable {
  public var id: Int
  public var policy: PolicyAnswer
  /// What the host did.
  public var outcome: RouteAnswer
  public var reason: String
  /// The native rule decided, because the policy failed.
  public var isFallback: Bool
  public var spawned: Bool
}
