// policy replay: recorded questions asked again, with another policy.
import ArgumentParser
import FleetConfiguration
import FleetEngine
import JSON
import PolicyHost
import PolicyTools

struct PolicyReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Ask recorded questions again with another policy, and show where it differs.",
    discussion: """
      The questions come from the host's record, or from a file that policy record or policy simulate --trace wrote. \
      The policy's memory begins empty.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pretty, json }

  @Argument(help: ArgumentHelp("A recorded trace (else the host's).", valueName: "trace"), completion: .file())
  var trace: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The policy to ask; several are asked in this order.", valueName: "file"))
  var against: [String]

  @OptionGroup var window: WindowOptions

  @Option(help: "How many differences of each entry point are shown.")
  var examples = 5

  @Flag(help: "Exit with code 1 if any answer differs.")
  var failOnDifference = false

  @Option(help: "pretty or json.")
  var format: Format = .pretty

  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if against.isEmpty { throw ValidationError("--against names the policy to ask") }
    guard (0...10_000).contains(examples) else { throw ValidationError("--examples goes from 0 to 10000") }
  }

  func run() throws {
    let locator = Locator(fleetDirectory: try directoryOptions.directory().path)
    let policies = try against.map { try locator.find($0, .policy) }
    let recorded = try RecordedTrace.read(trace, window, directoryOptions)
    let report: ReplayReport
    do {
      report = try Progress.during("asking again") {
        try Replay.run(recorded, against: policies, window: window.range, examples: examples) { Output.note($0) }
      }
    } catch let error as PolicyError {
      throw CommandFailure(.failed, error.description)
    }
    switch format {
    case .pretty: Output.write(report.text)
    case .json: Output.json(report.json)
    }
    if failOnDifference, report.different > 0 { throw CommandFailure(.failed) }
  }
}
