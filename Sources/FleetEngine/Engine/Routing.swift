// Requests for a kernel, on their way through the policies.
import DequeModule

struct Routing: Sendable {
  /// In the order in which they are asked.
  var queue: Deque<Request> = []
  /// Told to wait, by the number of the question that was answered so.
  var postponed: [Int: Request] = [:]
  /// The one that a policy, or the resolver, works on.
  var asking: Question?
  /// Questions asked so far. Each time a request is asked about it gets a new number, so that a late answer to an
  /// earlier question cannot be taken for the answer to this one.
  var last = 0
  /// A timer looks after `asking`.
  var isWatched = false

  struct Request: Sendable {
    var ticket: Ticket
    var requirements: Requirements
    var candidate: Candidate
    var deadline: Instant
  }

  struct Question: Sendable {
    var number: Int
    var asked: PolicyQuestion
    var request: Request
    /// When the native rule takes over.
    var overdue: Instant
    /// Since it was asked, a kernel that could be given became one that cannot.
    var isOutdated = false
    /// What the policies said, while the host resolves it.
    var decision: Decision?
  }
}
