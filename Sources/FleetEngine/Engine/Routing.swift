// Requests for a kernel, on their way through the policies: a request for any that serves (`route`), and every new
// kernel (`admit`). One of them is worked on at a time.
import DequeModule

struct Routing: Sendable {
  /// In the order in which they are asked.
  var queue: Deque<Request> = []
  /// Told to wait, by the number of the question that was answered so.
  var postponed: [Int: Request] = [:]
  /// The one that a policy, or the resolver, works on.
  var asking: Question?
  /// A timer looks after `asking`.
  var isWatched = false

  struct Request: Sendable {
    var ticket: Ticket
    var purpose: Purpose
    var candidate: Candidate
    var deadline: Instant

    enum Purpose: Sendable { case spawn, find(Requirements) }

    var requirements: Requirements? { if case .find(let requirements) = purpose { requirements } else { nil } }
  }

  struct Question: Sendable {
    var number: Int
    var asked: PolicyQuestion
    var request: Request
    /// When the native rule takes over.
    var overdue: Instant
    /// Since it was asked, a kernel that could be given became one that cannot.
    var isOutdated = false
    var stage = Stage.route
  }

  enum Stage: Sendable {
    case route
    /// The host finds out what the decision of the router means.
    case resolve(Decision)
    /// May this be started? Perhaps because the router wants it.
    case admit(Specification, Decision?)
  }
}

/// A new kernel that nothing speaks against any more, and the decisions that led to it.
struct Permit: Sendable {
  var request: Routing.Request
  var specification: Specification
  var route: Decision?
  var admission: Decision?
}
