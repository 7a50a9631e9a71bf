// policy explain: what was decided, on which grounds, and what the host made of it.
import ArgumentParser
import FleetClient
import FleetConfiguration
import JSON

struct PolicyExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain a decision; without one, list the last decisions.",
    discussion: "A kernel instead of a decision lists the decisions about that kernel.")

  @Argument(help: ArgumentHelp("A decision such as 3-141, or a kernel.", valueName: "decision"))
  var subject: String?

  @Option(name: [.short, .customLong("limit")], help: "How many decisions are listed.")
  var number = 20

  @Option(help: "Only those of one entry point: admit, route, scale, alert or restart.")
  var entry: String?

  @Option(help: "Only those after a time: seconds since 1970, or 2026-11-21T10:00:00Z.")
  var since: String?

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    guard (1...10_000).contains(number) else { throw ValidationError("--limit \(number): it goes from 1 to 10000") }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    if let subject, Self.isDecision(subject) {
      let document = try access.ask { client throws(FleetClientError) in try client.decision(subject) }
      if jsonOption.json { return Output.json(document) }
      let lines = try DecisionLines.text(document) { time in
        try access.ask { client throws(FleetClientError) in try client.trace(from: time, to: time) }
      }
      return Output.write(DecisionText.explanation(document) + lines)
    }
    let document = try list(access)
    if jsonOption.json { return Output.json(document) }
    let decisions = document["decisions"]?.array ?? []
    Output.write(decisions.isEmpty ? "no decisions are recorded that fit\n" : DecisionText.table(decisions))
  }

  private func list(_ access: HostAccess) throws -> JSON {
    let ask = { (client: FleetClient) throws(FleetClientError) in
      try client.decisions(limit: number, entry: entry, kernel: subject, since: since)
    }
    if let subject { return try access.ask(about: subject, "asking the host", ask) }
    return try access.ask("asking the host", ask)
  }

  /// Two numbers with a hyphen; no kernel is called like that.
  private static func isDecision(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { Int($0) != nil }
  }
}
