// policy bench: what a policy's decisions take. Needs no host.
import ArgumentParser
import FleetConfiguration
import FleetEngine
import JSON
import PolicyHost
import PolicyTools

struct PolicyBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure a policy's decisions: time, memory, and what a kernel costs.",
    discussion: """
      The fleets are made up, and the same each time; between decisions a kernel changes, as in a fleet in use. Times \
      are those of the policy's own thread.
      Exit codes: 0 done, 1 the policy does not load, or decisions failed, 3 no such file.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pretty, json }

  @Argument(help: ArgumentHelp("A policy: a path, or a name as in fleet.toml.", valueName: "file"), completion: .file())
  var file: String

  @Option(help: ArgumentHelp("Sizes of fleets.", valueName: "n,…"), transform: Self.sizes)
  var rows: [Int] = [10, 100, 1000]

  @Option(help: "Which of its functions: admit, route, scale, alert or restart; else all that it has.")
  var entry: String?

  @Option(help: ArgumentHelp("How many decisions are measured.", valueName: "n"))
  var decisions = 2000

  @Option(help: "pretty or json.")
  var format: Format = .pretty

  @OptionGroup var directoryOptions: DirectoryOptions

  @Sendable private static func sizes(_ argument: String) throws -> [Int] {
    let sizes = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard !sizes.contains(where: { $0 == nil || !(0...100_000).contains($0 ?? -1) }) else {
      throw ValidationError("--rows takes numbers up to 100000 with commas between them, as in 10,100,1000")
    }
    return sizes.compactMap(\.self)
  }

  func validate() throws {
    guard (1...1_000_000).contains(decisions) else { throw ValidationError("--decisions takes 1 to 1000000") }
    if let entry, EntryPoint(rawValue: entry) == nil {
      let names = EntryPoint.allCases.map(\.rawValue)
      throw ValidationError("--entry takes \(names.joined(separator: ", "))")
    }
  }

  func run() throws {
    let policy = try PolicyFile.read(file, Locator(fleetDirectory: try directoryOptions.directory().path))
    var figures: [PolicyBench] = []
    do {
      let has = try DirectPolicy(path: policy.path, text: Array(policy.text.utf8)).entries
      let entries = entry.flatMap(EntryPoint.init(rawValue:)).map { [$0] } ?? EntryPoint.allCases.filter(has.contains)
      for entry in entries {
        for rows in rows { figures.append(try PolicyBench(policy, entry, rows: rows, decisions: decisions)) }
      }
    } catch { throw CommandFailure(.failed, "\(error)") }
    switch format {
    case .json: Output.json(.object(["figures": .array(figures.map(\.json))]))
    case .pretty: show(figures)
    }
    for one in figures where one.late > 0 {
      let count = "\(one.late) of \(one.samples.durations.count)"
      Output.note("\(count) decisions with \(one.rows) rows took longer than a host waits, \(text(one.budget))")
    }
    for one in figures {
      guard let failure = one.samples.failures.first else { continue }
      let count = "\(one.samples.failures.count) of \(one.samples.durations.count)"
      throw CommandFailure(.failed, "\(count) decisions with \(one.rows) rows failed; the first: \(failure)")
    }
  }

  private func show(_ figures: [PolicyBench]) {
    var table = Table([
      .left("ENTRY"), .right("ROWS"), .right("P50"), .right("P99"), .right("BUDGET"), .right("ALLOCATED"),
      .right("ROW CHANGE"), .right("BYTES/ROW"),
    ])
    for one in figures {
      table.add([
        .init(one.entry.rawValue), .init("\(one.rows)"), .init(text(one.duration(50))), .init(text(one.duration(99))),
        .init(text(one.budget)), .init("\(one.allocated) B"), .init(one.rows > 0 ? text(one.update) : "-"),
        .init(one.rows > 0 ? "\(one.samples.bytesPerRow)" : "-"),
      ])
    }
    Output.write(table.text)
  }

  /// Three digits, in ns, µs or ms.
  private func text(_ duration: Duration) -> String {
    let nanoseconds = duration / .nanoseconds(1)
    let (value, unit) =
      nanoseconds < 1000
      ? (nanoseconds, "ns") : nanoseconds < 1e6 ? (nanoseconds / 1e3, "µs") : (nanoseconds / 1e6, "ms")
    let digits = value < 10 ? 100.0 : value < 100 ? 10 : 1
    let rounded = (value * digits).rounded() / digits
    return rounded == rounded.rounded() ? "\(Int(rounded)) \(unit)" : "\(rounded) \(unit)"
  }
}
