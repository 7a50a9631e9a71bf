// What the host needs of whoever runs the policies.

/// Policies, loaded. Calls return at once; changes and questions are handled in the order of the calls.
public protocol Policies: Sendable {
  /// Brings the rows that policies see up to date.
  func apply(_ changes: [KernelRowChange])

  /// Asks the policies of the question's entry point. `reply` is called exactly once, on any thread, no later than the deadline of the entry
  /// point and a few milliseconds.
  func ask(_ question: PolicyQuestion, reply: @escaping @Sendable (PolicyAnswer) -> Void)

  /// The entry points that have a policy; the others are not asked.
  var entries: Set<EntryPoint> { get }

  /// The answer of this file could not be carried out; counts as a failure of it.
  func unusable(_ path: String, _ entry: EntryPoint, why: String)

  /// For `fleet status`, in the order of the configuration.
  func summaries() -> [PolicySummary]
}

/// How one policy file fares.
public struct PolicySummary: Sendable, Hashable {
  public var entry: String
  public var path: String
  /// A hash of the text that is loaded.
  public var hash: String
  /// `active`, or `set aside` after five failures in a row, or `broken` if it never loaded.
  public var state: String
  public var calls: Int
  /// Calls that the native rule had to answer.
  public var fallbacks: Int
  public var lastError: String?
  /// It is asked beside the live ones, and its answers are only compared.
  public var isShadow = false
  /// When what runs was loaded, in milliseconds since 1970.
  public var loadedAt: Int64?
  /// Why the file as it is now cannot be used, while the last good version goes on.
  public var fileProblem: String?
  /// Of the time that decisions take on the policy's thread.
  public var p50: Duration?
  public var p99: Duration?
  /// Of a shadow: answers that differ from those that counted, and the last of them.
  public var disagreements = 0
  public var lastDisagreement: String?

  public init(
    entry: String, path: String, hash: String, state: String, calls: Int = 0, fallbacks: Int = 0,
    lastError: String? = nil
  ) {
    self.entry = entry
    self.path = path
    self.hash = hash
    self.state = state
    self.calls = calls
    self.fallbacks = fallbacks
    self.lastError = lastError
  }
}

extension Policies {
  public func unusable(_ path: String, _ entry: EntryPoint, why: String) {}
}
