// Options that several commands have.
import ArgumentParser
import FleetConfiguration

struct DirectoryOptions: ParsableArguments {
  @Option(
    name: .customLong("fleet-dir"), help: "The fleet directory (else FLEET_HOME, else ~/.llmspell/fleet).",
    completion: .directory)
  var path: String?

  func directory() throws -> FleetDirectory { try FleetDirectory.choose(option: path) }
}

struct JSONOption: ParsableArguments {
  @Flag(help: "Print the document that the HTTP API answers.")
  var json = false
}

/// The kernel that a command is about.
struct KernelArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("A kernel: its id, UUID, name or port.", valueName: "kernel"),
    completion: .custom { _, _, _ in KernelNames.forCompletion() })
  var kernel: String
}

/// `KEY=VALUE`, as `--env` and `--label` take it.
struct KeyValue: ExpressibleByArgument {
  var key: String
  /// Nil for a `KEY` alone.
  var value: String?

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let key = parts.first, !key.isEmpty else { return nil }
    self.key = String(key)
    value = parts.count > 1 ? String(parts[1]) : nil
  }
}

/// A length of time such as `5`, `500ms` or `1m`.
struct TimeArgument: ExpressibleByArgument {
  var duration: Duration

  init?(argument: String) {
    guard let duration = try? DurationText.parse(argument) else { return nil }  // the parser says what was wrong
    self.duration = duration
  }
}
