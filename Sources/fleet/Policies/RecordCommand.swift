// policy record: what was decided, kept as a fixture that policy test asks again.
import ArgumentParser
import FleetClient
import FleetConfiguration
import FleetDocuments
import FleetEngine
import PolicyTools

struct PolicyRecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Keep recorded decisions as a fixture, which policy test then asks again.",
    discussion: """
      -o NAME.night.test.toml beside NAME.lua writes the fixture, and the trace that it needs as NAME.night.trace.json; \
      -o FILE.json writes the trace alone. A window begins with an empty memory of the policies: record from the \
      beginning what depends on it.
      """)

  @Argument(help: ArgumentHelp("A recorded trace (else the host's).", valueName: "trace"), completion: .file())
  var trace: String?

  @OptionGroup var window: WindowOptions

  @Option(name: [.short, .long], help: ArgumentHelp("The fixture or trace.", valueName: "file"), completion: .file())
  var output: String

  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if !output.hasSuffix(RecordedFixture.suffix), !output.hasSuffix(".json") {
      throw ValidationError("-o takes a fixture, NAME.test.toml, or a trace, NAME.json")
    }
  }

  func run() throws {
    let recorded = try RecordedTrace.read(trace, window, directoryOptions).within(window.range)
    guard recorded.decisions > 0 else {
      throw CommandFailure(.notFound, "nothing was decided in that time; choose another with --from and --to")
    }
    let text = TraceDocument.encode(recorded).text() + "\n"
    let count = Words.count(recorded.decisions, "decision")
    guard let fixture = RecordedFixture(path: output) else {
      try Output.save(text, to: output)
      return Output.line("\(count) in \(output)")
    }
    try Output.save(text, to: fixture.tracePath)
    try Output.save(fixture.text, to: output)
    Output.line("\(count) in \(fixture.tracePath), which \(output) asks again")
  }
}

/// `--from` and `--to`.
struct WindowOptions: ParsableArguments {
  @Option(
    help: "Only what was decided from this time on: 2026-11-21T10:00, seconds since 1970, or 2h for two hours ago.",
    transform: WindowOptions.milliseconds)
  var from: Int64?

  @Option(help: "Only what was decided before this time.", transform: WindowOptions.milliseconds)
  var to: Int64?

  var range: Range<Int64> {
    let begin = from ?? .min
    return begin..<max(begin, to ?? .max)
  }

  @Sendable private static func milliseconds(_ text: String) throws -> Int64 {
    if let time = WallTime.milliseconds(text) { return time }
    if let seconds = Double(text), seconds > 1e6, seconds < 1e11 { return Int64((seconds * 1000).rounded()) }
    guard let ago = try? DurationText.parse(text) else {
      throw ValidationError("write a time as 2026-11-21T10:00 (UTC), as seconds since 1970, or 2h for two hours ago")
    }
    return WallTime.now - ago.components.seconds * 1000
  }
}

/// Recorded decisions, from a file or from the host.
enum RecordedTrace {
  static func read(_ path: String?, _ window: WindowOptions, _ options: DirectoryOptions) throws -> Trace {
    guard let path else { return try ofHost(window, options) }
    do {
      return try TraceFile.read(path)
    } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  private static func ofHost(_ window: WindowOptions, _ options: DirectoryOptions) throws -> Trace {
    let access = try HostAccess(options)
    func seconds(_ milliseconds: Int64?) -> String? { milliseconds.map { "\(Double($0) / 1000)" } }
    let document = try access.ask("reading the record") { client throws(FleetClientError) in
      try client.trace(from: seconds(window.from), to: seconds(window.to))
    }
    do { return try TraceDocument.decode(document) } catch {
      throw CommandFailure(.failed, "the host's record cannot be read: \(error)")
    }
  }
}
