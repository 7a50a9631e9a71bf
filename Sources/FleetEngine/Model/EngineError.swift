// Why a command was not carried out.

public struct EngineError: Error, Sendable, Hashable {
  public var code: Code
  /// One sentence: what happened, and what to do.
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The codes of the HTTP API.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    case badRequest = "bad_request"
    case kernelNotFound = "kernel_not_found"
    case configNotFound = "config_not_found"
    case kernelspecNotFound = "kernelspec_not_found"
    case decisionNotFound = "decision_not_found"
    case sessionNotFound = "session_not_found"
    case nameTaken = "name_taken"
    case silenceNotFound = "silence_not_found"
    /// Nothing has this address.
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case unsupportedMediaType = "unsupported_media_type"
    case wrongState = "wrong_state"
    /// An Idempotency-Key stands for another request.
    case keyReused = "key_reused"
    case refused
    /// Nobody has the token, or there is none.
    case unauthorized
    /// The token does not allow it, or the page or host name that it comes from.
    case forbidden
    case tooManyRequests = "too_many_requests"
    case tooLarge = "too_large"
    case limit
    case startFailed = "start_failed"
    case timeout
    case storage
    case shuttingDown = "shutting_down"
    case `internal`
  }
}
