// What became of a question.

/// What the policies of one entry point made of one question.
public struct PolicyAnswer: Sendable, Hashable {
  /// Nil: no policy had an opinion, or the one that was asked failed. An answer beside a failure is one that the host
  /// could not carry out.
  public var answer: Answer?
  public var reason: String?
  /// The file that answered or failed; nil if there is none.
  public var policy: String?
  /// A hash of that file's text.
  public var hash: String?
  /// Why it failed, with file and line; nil if it did not.
  public var failure: String?
  /// On the policy's thread.
  public var duration: Duration

  public init(
    answer: Answer? = nil, reason: String? = nil, policy: String? = nil, hash: String? = nil, failure: String? = nil,
    duration: Duration = .zero
  ) {
    self.answer = answer
    self.reason = reason
    self.policy = policy
    self.hash = hash
    self.failure = failure
    self.duration = duration
  }

  /// The reason, as people are told it.
  var words: String { reason ?? "no reason given" }

  public var route: RouteAnswer? { if case .route(let answer) = answer { answer } else { nil } }
  public var scale: ScaleAnswer? { if case .scale(let answer) = answer { answer } else { nil } }
  public var restart: RestartAnswer? { if case .restart(let answer) = answer { answer } else { nil } }
  public var conditions: [AlertCondition]? { if case .alert(let answer) = answer { answer } else { nil } }
}

/// A decision as it was carried out.
public struct Decision: Sendable, Hashable {
  /// Counts questions of this run of the host, in the order in which they were asked.
  public var id: Int
  public var question: PolicyQuestion
  public var policy: PolicyAnswer
  /// What the host did.
  public var outcome: Answer
  public var reason: String
  /// What the host changed about the answer, and why: "asked 9, allowed 6: at most 4 new per 15 s".
  public var clamps: [String]
  /// The native rule decided, because the policy failed.
  public var isFallback: Bool
  public var spawned: Bool
  /// The kernel that it was about, or that was given.
  public var kernel: KernelID?

  public init(
    id: Int, question: PolicyQuestion, policy: PolicyAnswer, outcome: Answer, reason: String, clamps: [String] = [],
    isFallback: Bool = false, spawned: Bool = false, kernel: KernelID? = nil
  ) {
    self.id = id
    self.question = question
    self.policy = policy
    self.outcome = outcome
    self.reason = reason
    self.clamps = clamps
    self.isFallback = isFallback
    self.spawned = spawned
    self.kernel = kernel
  }
}

/// What was recorded of a stretch of time: enough to ask every question in it again.
public struct Trace: Sendable, Hashable {
  /// The rows as they were when it begins.
  public var rows: [KernelRow]
  /// In the order in which the policies saw them: a decision stands where its question was asked (`Effect.ask` with
  /// the decision's id), for the policy saw the rows of then, though it was carried out later.
  public var entries: [Entry]

  public init(rows: [KernelRow] = [], entries: [Entry] = []) {
    self.rows = rows
    self.entries = entries
  }

  public enum Entry: Sendable, Hashable {
    case rows([KernelRowChange])
    /// With the wall time in milliseconds since 1970.
    case decision(Decision, at: Int64)
  }
}
