// policy test: runs the fixtures that stand beside policies. Needs no host.
import ArgumentParser
import FleetConfiguration
import Glibc
import PolicyTools

struct PolicyTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run the fixtures of policies: NAME.test.lua and NAME.test.toml beside NAME.lua.",
    discussion: """
      PATH is a directory, a policy or a fixture; without one it is the working directory, or policies/ in it.
      Exit codes: 0 all tests passed, 1 one failed or the coverage is below --min, 6 no test ran.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pretty, json, junit }

  @Argument(help: ArgumentHelp("What to test.", valueName: "path"), completion: .file())
  var paths: [String] = []

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("Only tests whose names match this regular expression.", valueName: "re"))
  var pattern: String?

  @Flag(help: "Run again whenever a policy or a fixture changes; Ctrl-C ends it.")
  var watch = false

  @Option(help: "pretty, json or junit.")
  var format: Format = .pretty

  @Flag(help: "Count the lines and branches that the tests ran.")
  var coverage = false

  @Option(help: ArgumentHelp("Fail below so many per cent of branches; counts coverage.", valueName: "percent"))
  var min: Double?

  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    guard let min else { return }
    guard (0...100).contains(min) else { throw ValidationError("--min takes per cent, from 0 to 100") }
  }

  func run() throws {
    guard watch else { return try runOnce(try find()) }
    while true {
      var known: FixtureSnapshot?
      do {
        let found = try find()
        known = FixtureSnapshot(found)
        try runOnce(found)
      } catch let failure as CommandFailure {
        if let message = failure.message { Output.complain(message) }
      }
      Output.note("waiting for a change; Ctrl-C ends this")
      waitForChange(since: known)
    }
  }

  private func find() throws -> FixtureSearch.Found {
    let locator = Locator(fleetDirectory: try directoryOptions.directory().path)
    do {
      return try FixtureSearch.find(paths) { name throws(ConfigurationError) in try locator.find(name, .policy) }
    } catch {
      throw CommandFailure(.notFound, error.description)
    }
  }

  private func runOnce(_ found: FixtureSearch.Found) throws {
    let options: PolicyFixtures.Options
    do {
      options = PolicyFixtures.Options(
        filter: try pattern.map(TestFilter.init), coverage: coverage || min != nil, advice: true)
    } catch { throw CommandFailure(.usage, "\(error)") }
    let report = PolicyFixtures.run(found.fixtures, policies: found.policies, options: options)
    switch format {
    case .pretty: if !report.isEmpty { Output.write(PrettyReport.text(report, isColored: Output.hasColour)) }
    case .json: Output.json(report.json)
    case .junit: Output.write(report.junit)
    }
    if report.isEmpty { throw CommandFailure(.noTest, nothing(found)) }
    if report.failed > 0 { throw CommandFailure(.failed) }
    try checkCoverage(report)
  }

  private func checkCoverage(_ report: TestReport) throws {
    guard let min else { return }
    let low = report.coverage.filter { $0.branches.percent < min }
    guard !low.isEmpty else { return }
    let names = low.map { "\($0.policy) (\($0.branches.covered) of \($0.branches.total))" }.joined(separator: ", ")
    throw CommandFailure(.failed, "fewer than \(min) % of the branches were taken: \(names)")
  }

  private func nothing(_ found: FixtureSearch.Found) -> String {
    if let pattern, !found.fixtures.isEmpty { return "no test ran: no name matches \"\(pattern)\"" }
    if let policy = found.policies.first, found.fixtures.isEmpty {
      let stem = policy.hasSuffix(".lua") ? String(policy.dropLast(4)) : policy
      return "no test ran: write tests of \(policy) into \(stem).test.lua or \(stem).test.toml"
    }
    if found.fixtures.isEmpty {
      return "no test ran: there are no policies here; name one, or a directory of them (see fleet policy init)"
    }
    return "no test ran: \(found.fixtures.map(\.path).joined(separator: ", ")) has none"
  }

  /// Looks several times a second: files are few, and editors replace files in more ways than one could listen for.
  private func waitForChange(since known: FixtureSnapshot?) {
    while true {
      usleep(200_000)
      guard let found = try? find() else { continue }  // what is wrong was said when it began to be
      if FixtureSnapshot(found) != known { return }
    }
  }
}
