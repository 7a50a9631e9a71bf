// metrics: what the fleet does and uses, in numbers, now and before.
import ArgumentParser
import FleetClient
import JSON

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Print what the kernels do and use; for Prometheus also how the policies fare.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case json, prometheus }

  @Option(help: "json, or prometheus: the text that it scrapes.")
  var format = Format.json

  @Flag(help: "What it was: the last hour of the fleet, unless told otherwise.")
  var history = false

  @Option(help: "With --history: of this kernel alone (id, UUID, name or port).")
  var kernel: String?

  @Option(help: "With --history: since so long ago (6h, 2d), or since a time (2026-11-21T10:00:00Z).")
  var since: String?

  @Option(help: "With --history: 10s (kept an hour), 1m (a day) or 10m (30 days); else the finest that reaches back.")
  var step: String?

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if jsonOption.json && format == .prometheus {
      throw ValidationError("--json and --format prometheus exclude each other")
    }
    if history && format == .prometheus {
      throw ValidationError("Prometheus keeps a history of its own; leave --format prometheus or --history out")
    }
    if !history && (kernel != nil || since != nil || step != nil) {
      throw ValidationError("--kernel, --since and --step belong to --history")
    }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    if history { return try showHistory(access) }
    switch format {
    case .json: Output.json(try access.ask { client throws(FleetClientError) in try client.metrics() })
    case .prometheus: Output.write(try access.ask { client throws(FleetClientError) in try client.exposition() })
    }
  }

  private func showHistory(_ access: HostAccess) throws {
    let ask = "asking for the history"
    let query = { (client: FleetClient) throws(FleetClientError) -> JSON in
      try client.metricsHistory(kernel: kernel, since: since, step: step)
    }
    let document = try kernel.map { try access.ask(about: $0, ask, query) } ?? access.ask(ask, query)
    if jsonOption.json { return Output.json(document) }
    Output.write(HistoryTable(document).text)
  }
}

/// One line for each measure: its course, and between which values it was.
struct HistoryTable {
  private static let measures: [(name: String, member: String, format: @Sendable (Double) -> String)] = [
    ("kernels", "kernels", { Words.number($0) }), ("memory", "memory_mb", { Words.megabytes($0) }),
    ("cpu", "cpu_percent", { Words.percent($0) }), ("clients", "connections", { Words.number($0) }),
    ("busy", "busy_percent", { Words.percent($0) }),
  ]

  let text: String

  init(_ document: JSON) {
    let points = document["points"]?.array ?? []
    let subject = document["kernel"]?.string ?? "the fleet"
    guard let first = points.first?["time"]?.string, let last = points.last?["time"]?.string else {
      text = "nothing was recorded of \(subject) in this time; a first point comes within 20 s\n"
      return
    }
    let step = document["step_seconds"]?.int ?? 0
    var table = Table([
      .left("MEASURE"), .right("LEAST"), .right("MEAN"), .right("MOST"), .right("LAST"), .left("COURSE"),
    ])
    for measure in Self.measures {
      let values = points.compactMap { $0[measure.member]?.double }
      guard let least = values.min(), let most = values.max(), let now = values.last else { continue }
      let mean = values.reduce(0, +) / Double(values.count)
      table.add([
        .init(measure.name), .init(measure.format(least)), .init(measure.format(mean)), .init(measure.format(most)),
        .init(measure.format(now)), .init(Sparkline.text(of: values, width: 40)),
      ])
    }
    text = "\(subject), \(Words.count(points.count, "point")) of \(step) s from \(first) to \(last)\n" + table.text
  }
}

/// A course of numbers in one line.
enum Sparkline {
  private static let bars = Array("▁▂▃▄▅▆▇█")

  /// Averages of neighbours if there are more values than places; from the least value to the greatest.
  static func text(of values: [Double], width: Int) -> String {
    let places = min(width, values.count)
    let averages = (0..<places).map { place in
      let part = values[(place * values.count / places)..<((place + 1) * values.count / places)]
      return part.reduce(0, +) / Double(part.count)
    }
    guard let least = averages.min(), let most = averages.max() else { return "" }
    // What hardly changes is flat: else it would look as wild as what does.
    let isFlat = most - least < 0.01 * abs(most)
    return String(
      averages.map { value in
        isFlat || most == least ? bars[0] : bars[min(7, Int((value - least) / (most - least) * 8))]
      })
  }
}
