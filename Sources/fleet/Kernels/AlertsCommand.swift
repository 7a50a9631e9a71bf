// alerts: what somebody should know of.
import ArgumentParser
import FleetClient
import JSON

struct AlertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts",
    abstract: "List the alerts that are pending, fire, or were resolved lately. Exit code 1 if one fires.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.alerts() }
    let alerts = document["alerts"]?.array ?? []
    if jsonOption.json {
      Output.json(document)
    } else if alerts.isEmpty {
      Output.line("no alerts")
    } else {
      Output.write(Self.table(alerts))
    }
    if alerts.contains(where: { $0["state"] == "firing" }) { throw CommandFailure(.failed) }
  }

  private static func table(_ alerts: [JSON]) -> String {
    var table = Table([
      .left("STATE"), .left("SEVERITY"), .left("ALERT"), .left("KERNEL"), .right("VALUE"), .left("SINCE"),
      .left("SUMMARY"),
    ])
    for alert in alerts {
      let state = alert["state"]?.string ?? "?"
      let colour: Output.Colour? = state == "firing" ? .red : state == "pending" ? .yellow : .green
      table.add([
        .init(state, colour), .init(alert["severity"]?.string ?? "?"), .init(alert["name"]?.string ?? "?"),
        .init(alert["kernel"]?.string ?? "-"), .init(alert["value"]?.double.map(Words.number) ?? "-"),
        .init(alert["since"]?.string ?? "-"), .init(alert["summary"]?.string ?? ""),
      ])
    }
    return table.text
  }
}
