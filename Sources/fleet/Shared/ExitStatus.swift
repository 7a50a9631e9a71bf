// Exit codes, and what every error of a command becomes.
import FleetClient
import FleetConfiguration
import FleetCore
import JupyterProtocol

enum ExitStatus: Int32 {
  case done = 0
  case failed = 1
  case usage = 2
  case notFound = 3
  /// By a policy or a limit.
  case refused = 4
  case unreachable = 5
  case noTest = 6
  /// As a shell has it for a command that Ctrl-C ended.
  case interrupted = 130
  case alreadyRunning = 100
}

/// Ends a command with an exit code, and with a sentence unless everything was said.
struct CommandFailure: Error {
  var status: Int32
  var message: String?

  init(_ status: ExitStatus, _ message: String? = nil) {
    self.init(code: status.rawValue, message)
  }

  /// For codes that are not ours: those of scripts.
  init(code: Int32, _ message: String? = nil) {
    status = code
    self.message = message
  }

  /// Nil for errors that the argument parser knows best.
  init?(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as FleetClientError: self.init(Self.status(of: error), error.description)
    case let error as ConfigurationError: self.init(Self.status(of: error.code), error.description)
    case let error as AlreadyRunning: self.init(.alreadyRunning, error.description)
    case KernelClientError.interrupted: self.init(.interrupted)
    case let error as KernelClientError: self.init(.failed, error.description)
    case let error as ConnectionFileError: self.init(.failed, error.description)
    default: return nil
    }
  }

  private static func status(of error: FleetClientError) -> ExitStatus {
    switch error {
    case .hostUnreachable, .connectionLost: .unreachable
    case .timedOut, .malformedReply: .failed
    case .refused(_, let code, _):
      switch code {
      case "bad_request": .usage
      case "kernel_not_found", "config_not_found", "kernelspec_not_found", "decision_not_found", "silence_not_found",
        "not_found":
        .notFound
      case "refused", "limit", "name_taken": .refused
      default: .failed
      }
    }
  }

  private static func status(of code: ConfigurationError.Code) -> ExitStatus {
    switch code {
    case .notFound: .notFound
    case .syntax, .unknownKey, .wrongType, .badValue: .usage
    case .unreadable, .unavailable, .insecure: .failed
    }
  }
}
