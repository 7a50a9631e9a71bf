// Conditions that lasted. The semantics are those of Prometheus: pending for `for`, then firing, and firing for
// `keep_firing_for` after the condition has gone.

public struct Alert: Sendable, Hashable {
  /// Who found the condition: `policy`, or a part of the host.
  public var source: String
  /// As it was found last; name, kernel and labels are the identity of the alert.
  public var condition: AlertCondition
  public var state: State
  /// When the condition was found first.
  public var since: Instant
  /// When it began to fire; nil while it is pending.
  public var firedAt: Instant?
  /// When it was resolved.
  public var resolvedAt: Instant?
  /// Since when a firing alert only goes on because of `keep_firing_for`.
  public var missingSince: Instant?

  public enum State: String, Sendable, Hashable { case pending, firing, resolved }
}

/// Something to tell people.
public enum AlertChange: Sendable, Hashable {
  case firing(Alert)
  case resolved(Alert)

  public var alert: Alert {
    switch self {
    case .firing(let alert), .resolved(let alert): alert
    }
  }
}
