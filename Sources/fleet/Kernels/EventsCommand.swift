// events: what happened to kernels, pools and requests, and what happens now.
import ArgumentParser
import FleetClient
import Glibc
import JSON

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract:
      "Print what happened: kernels that were spawned, became ready, busy or idle, died, restarted; routing, scaling, alerts."
  )

  @Flag(name: .shortAndLong, help: "Go on as things happen, until Ctrl-C; also through a restart of the host.")
  var follow = false

  @Option(name: [.short, .customLong("lines")], parsing: .unconditional, help: "How many of the last events.")
  var number: Int?

  @Option(help: "Only those of one kernel.", completion: .custom { _, _, _ in KernelNames.forCompletion() })
  var kernel: String?

  @Option(help: "Only those of these types, such as died,restarted.")
  var type: String?

  @Option(help: "Only those after an event, by its id.")
  var after: String?

  @Flag(help: "Print the document that the HTTP API answers; with --follow an event a line.")
  var json = false

  @OptionGroup var directoryOptions: DirectoryOptions

  private var count: Int { number ?? (follow ? 10 : 100) }

  func validate() throws {
    guard (0...1000).contains(count) else { throw ValidationError("-n \(count): it goes from 0 to 1000") }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let filter = [("kernel", kernel), ("type", type)].compactMap { name, value in value.map { (name, $0) } }
    let page = filter + [("limit", "\(count)")] + (after.map { [("after", $0)] } ?? [])
    let ask = { (client: FleetClient) throws(FleetClientError) in try client.events(page) }
    let document =
      try kernel.map { try access.ask(about: $0, "asking the host", ask) } ?? access.ask("asking the host", ask)
    if json && !follow { return Output.json(document) }
    let events = document["events"]?.array ?? []
    if events.isEmpty && !follow { return Output.line("no events\(filter.isEmpty ? "" : " like that")") }
    events.forEach(show)
    guard follow else { return }
    var last = document["next"]?.string
    while true {
      try listen(access, FleetClient.query(filter), &last)
      try waitForHost(access)
    }
  }

  /// Returns when the host has left.
  private func listen(_ access: HostAccess, _ query: String, _ last: inout String?) throws {
    do {
      try access.client.follow(String(query.dropFirst()), after: last) { event in
        last = event.id
        if let document = event.document { show(document) }
        return true
      }
    } catch let error as FleetClientError {
      switch error {
      case .connectionLost, .hostUnreachable, .timedOut: return
      case .malformedReply, .refused: throw error
      }
    }
  }

  /// A host that is being replaced is there again within seconds; nobody who only watches starts one.
  private func waitForHost(_ access: HostAccess) throws {
    for _ in 0..<100 {
      // Refusals are told by the next attempt to follow.
      do { return _ = try access.client.health(timeout: .seconds(5)) } catch { usleep(100_000) }
    }
    _ = try access.client.health(timeout: .seconds(5))
  }

  private func show(_ event: JSON) {
    if json { return Output.line(event.text()) }
    let type = event["type"]?.string ?? "?"
    let kernel = [event["kernel"]?.string, event["name"]?.string.map { "(\($0))" }].compactMap { $0 }
    let words = [event["time"]?.string ?? "-", Output.coloured(type, Self.colour(of: type))] + kernel
    let detail = event["detail"]?.string.map { $0.isEmpty ? "" : ": \($0)" } ?? ""
    Output.line(words.joined(separator: " ") + detail)
  }

  private static func colour(of type: String) -> Output.Colour? {
    switch type {
    case "died", "failed", "refused", "storage", "unhealthy", "reset": .red
    case "restarting", "alerted", "draining", "stopping": .yellow
    case "ready", "restarted", "recovered": .green
    case "busy", "idle": .faint
    default: nil
    }
  }
}
