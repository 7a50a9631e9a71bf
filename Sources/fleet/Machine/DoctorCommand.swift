// doctor: what is missing on this machine, and what to do about it. Needs no host.
import ArgumentParser
import JSON

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check what fleet needs on this machine. Exit code 1 if something does not work.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let findings = Doctor(directory: try directoryOptions.directory()).examine()
    if jsonOption.json {
      Output.json(["checks": .array(findings.map(\.json))])
    } else {
      for finding in findings {
        Output.line(
          "\(Output.coloured(finding.state.mark, finding.state.colour))  \(finding.subject): \(finding.detail)")
        if let advice = finding.advice { Output.line("      \(advice)") }
      }
    }
    if findings.contains(where: { $0.state == .fail }) { throw CommandFailure(.failed) }
  }
}

/// One thing that was looked at.
struct Finding {
  enum State: String {
    case ok, warn, fail

    var mark: String {
      switch self {
      case .ok: "ok  "
      case .warn: "warn"
      case .fail: "FAIL"
      }
    }

    var colour: Output.Colour {
      switch self {
      case .ok: .green
      case .warn: .yellow
      case .fail: .red
      }
    }
  }

  var state: State
  var subject: String
  var detail: String
  /// What to do; nil when all is well.
  var advice: String?

  static func ok(_ subject: String, _ detail: String) -> Finding {
    Finding(state: .ok, subject: subject, detail: detail)
  }

  static func warn(_ subject: String, _ detail: String, _ advice: String) -> Finding {
    Finding(state: .warn, subject: subject, detail: detail, advice: advice)
  }

  static func fail(_ subject: String, _ detail: String, _ advice: String) -> Finding {
    Finding(state: .fail, subject: subject, detail: detail, advice: advice)
  }

  var json: JSON {
    [
      "check": .string(subject), "state": .string(state.rawValue), "detail": .string(detail), "advice": JSON(advice),
    ]
  }
}
