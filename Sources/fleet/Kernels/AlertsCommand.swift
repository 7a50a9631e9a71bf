// alerts: what somebody should know of, and what nobody is to be told of for a while.
import ArgumentParser
import FleetClient
import Glibc
import JSON

struct AlertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts", abstract: "Alerts that are pending, fire, or were resolved lately; and silences.",
    subcommands: [AlertsListCommand.self, SilenceCommand.self, SilencesCommand.self, UnsilenceCommand.self],
    defaultSubcommand: AlertsListCommand.self)
}

struct AlertsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the alerts that are pending, fire, or were resolved lately. Exit code 1 if one fires unsilenced.")

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
    // Who silenced one knows of it.
    if alerts.contains(where: { $0["state"] == "firing" && $0["silenced_by"]?.array?.isEmpty ?? true }) {
      throw CommandFailure(.failed)
    }
  }

  private static func table(_ alerts: [JSON]) -> String {
    var table = Table([
      .left("STATE"), .left("SEVERITY"), .left("ALERT"), .left("KERNEL"), .right("VALUE"), .left("SINCE"),
      .left("SUMMARY"),
    ])
    for alert in alerts {
      let state = alert["state"]?.string ?? "?"
      let isSilenced = alert["silenced_by"]?.array?.isEmpty == false
      let colour: Output.Colour? =
        isSilenced ? .faint : state == "firing" ? .red : state == "pending" ? .yellow : .green
      table.add([
        .init(isSilenced ? "\(state) (silenced)" : state, colour), .init(alert["severity"]?.string ?? "?"),
        .init(alert["name"]?.string ?? "?"), .init(alert["kernel"]?.string ?? "-"),
        .init(alert["value"]?.double.map(Words.number) ?? "-"), .init(alert["since"]?.string ?? "-"),
        .init(alert["summary"]?.string ?? ""),
      ])
    }
    return table.text
  }
}

struct SilenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "silence", abstract: "Tell nobody of certain alerts for a while; they are still listed.")

  @Argument(help: ArgumentHelp("The alerts' name, such as HighMemory.", valueName: "alert"))
  var alert: String?

  @Option(
    name: .customLong("for"), help: "How long, such as 30m or 2h.", transform: TimeArgument.parse)
  var duration: Duration

  @Option(help: "Only those about a kernel.", completion: .custom { _, _, _ in KernelNames.forCompletion() })
  var kernel: String?

  @Option(help: "Only those of a severity.")
  var severity: String?

  @Option(help: ArgumentHelp("Only those with a label.", valueName: "key=value"), transform: KeyValue.parse)
  var label: [KeyValue] = []

  @Option(help: "Why; whoever looks for the alert reads it.")
  var comment: String?

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    for label in label where label.value == nil {
      throw ValidationError("--label \(label.key): write it as \(label.key)=VALUE")
    }
    if alert == nil && kernel == nil && severity == nil && label.isEmpty {
      throw ValidationError("a silence of everything is none; name an alert, --kernel, --severity or --label")
    }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let (seconds, attoseconds) = duration.components
    var members: [String: JSON] = ["duration_seconds": .double(Double(seconds) + Double(attoseconds) / 1e18)]
    members["alert"] = alert.map(JSON.string)
    members["kernel"] = kernel.map(JSON.string)
    members["severity"] = severity.map(JSON.string)
    members["comment"] = comment.map(JSON.string)
    members["created_by"] = getenv("USER").map { .string(String(cString: $0)) }
    if !label.isEmpty {
      members["labels"] = .object(
        Dictionary(label.map { ($0.key, .string($0.value ?? "")) }) { _, last in last })
    }
    let request = JSON.object(members)
    let ask = { (client: FleetClient) throws(FleetClientError) in try client.silence(request) }
    let document =
      try kernel.map { try access.ask(about: $0, "asking the host", ask) } ?? access.ask("asking the host", ask)
    if jsonOption.json { return Output.json(document) }
    let silence = document["silence"] ?? [:]
    Output.line("silence \(silence["id"]?.string ?? "?") until \(silence["ends_at"]?.string ?? "?")")
  }
}

struct SilencesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "silences", abstract: "List the silences in force.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.silences() }
    if jsonOption.json { return Output.json(document) }
    let silences = document["silences"]?.array ?? []
    guard !silences.isEmpty else { return Output.line("no silences") }
    var table = Table([.left("ID"), .left("ALERTS"), .left("UNTIL"), .left("BY"), .left("COMMENT")])
    for silence in silences {
      let matchers = (silence["matchers"]?.object ?? [:]).sorted { $0.key < $1.key }
        .map { "\($0.key)=\($0.value.string ?? "")" }
      table.add([
        .init(silence["id"]?.string ?? "?"), .init(matchers.joined(separator: " ")),
        .init(silence["ends_at"]?.string ?? "?"), .init(silence["created_by"]?.string ?? "-"),
        .init(silence["comment"]?.string ?? ""),
      ])
    }
    Output.write(table.text)
  }
}

struct UnsilenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unsilence", abstract: "End a silence before its time: what it hid and still fires is told.")

  @Argument(help: ArgumentHelp("The silence, as fleet alerts silences lists it.", valueName: "id"))
  var id: String

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.endSilence(id) }
    if jsonOption.json { return Output.json(document) }
    Output.line("silence \(id) has ended")
  }
}
