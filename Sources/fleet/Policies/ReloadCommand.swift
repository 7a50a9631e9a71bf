// policy reload: files are read again now, changed or not.
import ArgumentParser
import FleetClient
import FleetConfiguration
import JSON

struct PolicyReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract:
      "Have the host load its policies again. Exit code 1 if one cannot be used; its last good version goes on.",
    discussion: "Hosts see by themselves when a file changes; this is for those that do not, and to wait for it.")

  @Argument(
    help: "One policy: its path, or its name as in fleet.toml (else all).", completion: .file(extensions: ["lua"]))
  var file: String?

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let path = try file.map { try access.locator.find($0, .policy) }
    let document = try access.ask("loading policies") { client throws(FleetClientError) in
      try client.reloadPolicies(path)
    }
    let results = document["policies"]?.array ?? []
    if jsonOption.json { Output.json(document) } else { Self.show(results) }
    if results.contains(where: { $0["problem"]?.string != nil }) { throw CommandFailure(.failed) }
  }

  private static func show(_ results: [JSON]) {
    if results.isEmpty { Output.line("no policies; the host's own rules decide") }
    for result in results {
      let path = result["path"]?.string ?? "?"
      if let problem = result["problem"]?.string {
        Output.complain("\(path) is not used: \(problem)")
      } else {
        Output.line("loaded \(path)")
      }
    }
  }
}
