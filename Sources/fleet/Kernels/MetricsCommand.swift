// metrics: what the fleet does and uses, in numbers.
import ArgumentParser
import FleetClient
import JSON

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Print what the kernels do and use; for Prometheus also how the policies fare.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case json, prometheus }

  @Option(help: "json, or prometheus: the text that it scrapes.")
  var format = Format.json

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if jsonOption.json && format == .prometheus {
      throw ValidationError("--json and --format prometheus exclude each other")
    }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    switch format {
    case .json: Output.json(try access.ask { client throws(FleetClientError) in try client.metrics() })
    case .prometheus: Output.write(try access.ask { client throws(FleetClientError) in try client.exposition() })
    }
  }
}
