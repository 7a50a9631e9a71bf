// policy list: how the policies of a host fare.
import ArgumentParser
import FleetClient
import FleetConfiguration
import JSON

struct PolicyListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the host's policies: version, state, errors, time that they take.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.policies() }
    if jsonOption.json { return Output.json(document) }
    let policies = document["policies"]?.array ?? []
    guard !policies.isEmpty else { return Output.line("no policies; the host's own rules decide") }
    var table = Table([
      .left("ENTRY"), .left("POLICY"), .left("HASH"), .left("LOADED"), .left("STATE"), .right("CALLS"), .right("P50"),
      .right("P99"), .right("FALLBACKS"), .right("DIFFERS"),
    ])
    for policy in policies { table.add(Self.cells(policy)) }
    Output.write(table.text)
    for policy in policies {
      let name = FilePath.name(of: policy["path"]?.string ?? "?")
      for note in Self.notes(policy) { Output.line("\(name): \(note)") }
    }
  }

  private static func cells(_ policy: JSON) -> [Table.Cell] {
    let isShadow = policy["shadow"]?.bool == true
    let state = policy["state"]?.string ?? "?"
    return [
      .init((isShadow ? "shadow." : "") + (policy["entry"]?.string ?? "?")), .init(policy["path"]?.string ?? "?"),
      .init(String(policy["hash"]?.string?.prefix(8) ?? "")), .init(policy["loaded_at"]?.string ?? "-"),
      .init(state, state == "active" ? .green : .red), .init(policy["calls"]?.int.map { "\($0)" } ?? "-"),
      .init(policy["p50_us"]?.double.map(Words.microseconds) ?? "-"),
      .init(policy["p99_us"]?.double.map(Words.microseconds) ?? "-"),
      .init(policy["fallbacks"]?.int.map { "\($0)" } ?? "-"),
      .init(policy["disagreement_rate"]?.double.map { Words.percent($0 * 100) } ?? "-"),
    ]
  }

  private static func notes(_ policy: JSON) -> [String] {
    var notes: [String] = []
    if let problem = policy["file_problem"]?.string {
      notes.append(Output.coloured("the file as it is now is not used: \(problem)", .red))
    }
    if let error = policy["last_error"]?.string { notes.append("last error: \(error)") }
    if let difference = policy["last_disagreement"]?.string { notes.append("last difference: \(difference)") }
    return notes
  }
}
