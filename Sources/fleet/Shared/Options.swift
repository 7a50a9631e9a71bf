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
struct KeyValue: Sendable {
  var key: String
  /// Nil for a `KEY` alone.
  var value: String?

  @Sendable static func parse(_ argument: String) throws -> KeyValue {
    // By code points: an "=" before a sign that is put together with it is one, too.
    let parts = argument.unicodeScalars.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { String($0) }
    guard let key = parts.first, !key.isEmpty, !key.contains(where: \.isWhitespace) else {
      throw ValidationError("write it as KEY=VALUE, with a KEY that has no spaces")
    }
    return KeyValue(key: key, value: parts.count > 1 ? parts[1] : nil)
  }
}

/// A length of time such as `5`, `500ms` or `1m`.
enum TimeArgument {
  @Sendable static func parse(_ argument: String) throws -> Duration {
    do { return try DurationText.parse(argument) } catch { throw ValidationError(error.description) }
  }
}
