// policy simulate: a scenario in virtual time, with the real engine and the real policies. Needs no host.
import ArgumentParser
import FleetConfiguration
import FleetDocuments
import JSON
import PolicyHost
import PolicyTools

struct PolicySimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run a scenario: clients, kernels and faults in virtual time, decided by real policies.",
    discussion: """
      SCENARIO is a TOML file, or the name of one that ships with the program. The same seed gives the same output.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pretty, json }

  @Argument(help: ArgumentHelp("What to simulate.", valueName: "scenario"), completion: .file())
  var scenario: String

  @Option(
    help: ArgumentHelp(
      "Another policy than the scenario's: route=FILE, or FILE for all that it has functions for. May be repeated.",
      valueName: "file"))
  var policy: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Run the scenario once with each of these policies and show them side by side; native is the host's own rule.",
      valueName: "file"))
  var compare: [String] = []

  @Option(help: "Another seed than the scenario's.")
  var seed: UInt64?

  @Option(help: "pretty or json.")
  var format: Format = .pretty

  @Option(
    help: ArgumentHelp("Write the curves to a file: .csv, or .json for all of the report.", valueName: "file"),
    completion: .file())
  var export: String?

  @Option(
    help: ArgumentHelp("Write the recorded decisions to a file, which policy replay reads.", valueName: "file"),
    completion: .file())
  var trace: String?

  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if let export, !export.hasSuffix(".csv"), !export.hasSuffix(".json") {
      throw ValidationError("--export takes a file whose name ends in .csv or .json")
    }
    if trace != nil, compare.count > 1 { throw ValidationError("--trace records one run; leave --compare out") }
  }

  func run() throws {
    let locator = Locator(fleetDirectory: try directoryOptions.directory().path)
    do {
      try run(locator)
    } catch let error as ToolError {
      throw CommandFailure(.failed, error.description)
    } catch let error as PolicyError {
      throw CommandFailure(.failed, error.description)
    }
  }

  private func run(_ locator: Locator) throws {
    var scenario = try Scenario.load(try Scenario.find(scenario, locator), locator: locator)
    if let seed { scenario.seed = seed }
    scenario = try scenario.with(policies: policy, locator: locator)
    let variants = compare.isEmpty ? [("", scenario)] : try scenario.variants(compare, locator: locator)
    var reports: [SimulationReport] = []
    for (name, scenario) in variants { reports.append(try simulate(scenario, name)) }
    switch format {
    case .pretty where compare.isEmpty: Output.write(reports[0].text(width: Output.width))
    case .pretty: Output.write(Comparison.text(reports, width: Output.width))
    case .json: Output.json(Self.document(reports, withSeries: false))
    }
    guard let export else { return }
    let text =
      export.hasSuffix(".csv")
      ? SimulationReport.csv(reports) : Self.document(reports, withSeries: true).text(pretty: true) + "\n"
    try Output.save(text, to: export)
  }

  private func simulate(_ scenario: Scenario, _ name: String) throws -> SimulationReport {
    let clock = ContinuousClock()
    let start = clock.now
    var (report, recorded) = try Progress.during("simulating") {
      try Simulator.run(scenario, isRecorded: trace != nil) { line in Output.note(line) }
    }
    let took = clock.now - start
    report.variant = name
    // Not on standard output: it is another each time.
    if Output.errorIsTerminal { Output.note(Simulator.speed(report, took, name: name)) }
    if let trace, let recorded { try Output.save(TraceDocument.encode(recorded).text() + "\n", to: trace) }
    return report
  }

  private static func document(_ reports: [SimulationReport], withSeries: Bool) -> JSON {
    reports.count == 1
      ? reports[0].json(withSeries: withSeries) : ["variants": .array(reports.map { $0.json(withSeries: withSeries) })]
  }
}
