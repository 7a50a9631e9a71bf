// pools: how many kernels of each template there are, how many there should be, and why.
import ArgumentParser
import FleetClient
import JSON

struct PoolsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pools", abstract: "List the pools: how many kernels each has and should have, and why.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.pools() }
    if jsonOption.json { return Output.json(document) }
    let pools = document["pools"]?.array ?? []
    guard !pools.isEmpty else { return Output.line("no pools; fleet.toml has no [pools.NAME]") }
    Output.write(Self.table(pools))
    for pool in pools {
      for note in Self.notes(pool) { Output.line("\(pool["name"]?.string ?? "?"): \(note)") }
    }
  }

  private static func table(_ pools: [JSON]) -> String {
    let columns = ["kernels", "used", "free", "starting", "draining", "min", "max", "warm", "wanted"]
    var table = Table([.left("POOL")] + columns.map { .right($0.uppercased()) } + [.left("WHY")])
    for pool in pools {
      table.add(
        [.init(pool["name"]?.string ?? "?")] + columns.map { .init(pool[$0]?.int.map { "\($0)" } ?? "-") }
          + [.init(pool["reason"]?.string ?? "")])
    }
    return table.text
  }

  /// What the host changed about the last answer, and what is wrong.
  private static func notes(_ pool: JSON) -> [String] {
    var notes = (pool["clamps"]?.array ?? []).compactMap(\.string)
    if let problem = pool["problem"]?.string {
      let retry = pool["retry_seconds"]?.double.map { "; tried again in \(Words.uptime($0))" } ?? ""
      notes.append(Output.coloured("\(problem)\(retry)", .red))
    }
    return notes
  }
}
