// Everything that can go wrong between a client and its host, as values.

public enum FleetClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No host listens on the socket; the reason is the system's.
  case hostUnreachable(socket: String, reason: String)
  /// The host was there and went away before it had answered; whether it did what it was asked is unknown.
  case connectionLost(reason: String)
  case timedOut(after: Duration)
  /// What came back is no HTTP, or no JSON.
  case malformedReply(String)
  /// The host's own answer: its HTTP status, its code (see docs/architecture.md) and its sentence.
  case refused(status: Int, code: String, message: String)

  /// The host's code; nil for everything that is not the host's own answer.
  public var code: String? {
    if case .refused(_, let code, _) = self { code } else { nil }
  }

  /// Whether there is no host at all.
  public var isHostUnreachable: Bool {
    if case .hostUnreachable = self { true } else { false }
  }

  public var description: String {
    switch self {
    case .hostUnreachable(let socket, let reason): "no host answers on \(socket) (\(reason)); start one with fleet up"
    case .connectionLost(let reason):
      "the host went away while it was asked (\(reason)); see fleet.log, and fleet list once it is up again"
    case .timedOut(let duration):
      "the host did not answer within \(Self.text(duration)); it may still do what it was asked. If it hangs, fleet.log "
        + "says why, and kill -9 of the pid in fleet.pid is safe: kernels go on, and the next command starts a host"
    case .malformedReply(let what): "the host's answer cannot be understood: \(what)"
    case .refused(_, _, let message): message
    }
  }

  private static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    return seconds > 0 ? "\(seconds) s" : "\(attoseconds / 1_000_000_000_000_000) ms"
  }
}
