// list, show, registry, health: what there is.
import ArgumentParser
import FleetClient
import Glibc
import JSON

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the kernels.", aliases: ["ls"])

  @Flag(name: .shortAndLong, help: "More columns.")
  var verbose = false

  @Flag(help: "Show it again every two seconds until Ctrl-C.")
  var watch = false

  @Option(help: "Only those with one of these, such as idle,busy.")
  var status: String?

  @Option(help: "Only those of a language.")
  var language: String?

  @Option(help: "Only those of a pool.")
  var pool: String?

  @Option(help: "Only those of an owner.")
  var owner: String?

  @Option(help: ArgumentHelp("Only those with a label.", valueName: "key=value"), transform: KeyValue.parse)
  var label: [KeyValue] = []

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    for label in label where label.value == nil {
      throw ValidationError("--label \(label.key): write it as \(label.key)=VALUE")
    }
    if watch && jsonOption.json { throw ValidationError("--watch and --json do not go together") }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    while true {
      let document = try access.ask { client throws(FleetClientError) in try client.kernels(query) }
      if watch && Output.isTerminal { Output.write("\u{1B}[H\u{1B}[2J") }
      if jsonOption.json { return Output.json(document) }
      Output.write(KernelTable.text(document, verbose: verbose, isFiltered: !query.isEmpty))
      guard watch else { return }
      sleep(2)
    }
  }

  private var query: [(String, String)] {
    let options = [("status", status), ("language", language), ("pool", pool), ("owner", owner)]
    return options.compactMap { name, value in value.map { (name, $0) } }
      + label.map { ("label", "\($0.key)=\($0.value ?? "")") }
  }
}

enum KernelTable {
  static func text(_ document: JSON, verbose: Bool, isFiltered: Bool = false) -> String {
    let kernels = KernelDocument.list(document)
    guard !kernels.isEmpty else {
      return isFiltered ? "no kernels like that; see fleet list\n" : "no kernels; start one with fleet spawn\n"
    }
    var columns: [Table.Column] = [
      .left("ID"), .left("NAME"), .right("PID"), .right("PORT"), .left("LANGUAGE"), .left("CONFIG"), .right("CLIENTS"),
      .right("MEMORY"), .right("CPU"), .right("UPTIME"), .left("STATUS"),
    ]
    if verbose {
      columns += [
        .left("KERNELSPEC"), .left("MODEL"), .right("LIMITS"), .right("RESTARTS"), .left("OWNER"), .left("POOL"),
        .left("LABELS"), .left("CONNECTED"), .left("UUID"),
      ]
    }
    var table = Table(columns)
    for kernel in kernels { table.add(cells(kernel, verbose: verbose)) }
    return table.text
  }

  private static func cells(_ kernel: KernelDocument, verbose: Bool) -> [Table.Cell] {
    var cells: [Table.Cell] = [
      .init(kernel.id), .init(kernel.name ?? "-"), .init(kernel.pid), .init(kernel.port), .init(kernel.language),
      .init(kernel.config), .init("\(kernel.connections)"), .init(kernel.memory), .init(kernel.cpu),
      .init(kernel.uptime), .init(kernel.status, kernel.colour),
    ]
    guard verbose else { return cells }
    func orDash(_ text: String?) -> Table.Cell { .init(text.flatMap { $0.isEmpty ? nil : $0 } ?? "-") }
    let limits = [kernel.memoryLimit, kernel.cpuLimit.map { "\($0) cpu" }].compactMap(\.self) + kernel.furtherLimits
    let model = [kernel.provider, kernel.model].compactMap { $0 }.joined(separator: "/")
    cells += [
      .init(kernel.kernelspec), orDash(model), orDash(limits.joined(separator: ", ")), .init("\(kernel.restarts)"),
      orDash(kernel.owner),
      orDash(kernel.pool), orDash(kernel.labels), orDash(kernel.clients.joined(separator: ",")), .init(kernel.uuid),
    ]
    return cells
  }
}

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show everything about a kernel, its story included.")

  @OptionGroup var argument: KernelArgument
  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask(about: argument.kernel) { client throws(FleetClientError) in
      try client.kernel(argument.kernel)
    }
    if jsonOption.json { return Output.json(document) }
    let kernel = KernelDocument(document["kernel"] ?? [:])
    Output.write(Self.text(kernel))
    // A host without records has been said enough of.
    let decisions = try? access.client.decisions(limit: Self.mostDecisions, kernel: kernel.uuid)
    if let decisions = decisions?["decisions"]?.array, !decisions.isEmpty {
      Output.write("\n" + DecisionText.table(decisions))
    }
  }

  private static let mostDecisions = 5

  private static func text(_ kernel: KernelDocument) -> String {
    let model = [kernel.provider, kernel.model].compactMap { $0 }.joined(separator: "/")
    let lines: [(String, String?)] = [
      ("id", kernel.id), ("uuid", kernel.uuid), ("name", kernel.name),
      ("status", Output.coloured(kernel.status, kernel.colour)),
      ("health", "\(kernel.healthState): \(kernel.healthReason)"), ("ended", kernel.exitReason),
      ("pid", kernel.pid), ("shim pid", kernel.document["shim_pid"]?.int.map { "\($0)" }), ("port", kernel.port),
      ("language", kernel.language), ("kernelspec", kernel.kernelspec), ("config", kernel.document["config"]?.string),
      ("model", model), ("started", kernel.document["started_at"]?.string), ("uptime", kernel.uptime),
      ("restarts", "\(kernel.restarts)"), ("memory", kernel.memory), ("memory limit", kernel.memoryLimit),
      ("oom kills", kernel.outOfMemoryKills), ("cpu", kernel.cpu), ("cpu limit", kernel.cpuLimit),
      ("other limits", kernel.furtherLimits.joined(separator: ", ")), ("connections", "\(kernel.connections)"),
      ("clients", kernel.clients.joined(separator: ", ")), ("labels", kernel.labels), ("owner", kernel.owner),
      ("user", kernel.document["user"]?.int.map { "\($0)" }), ("pool", kernel.pool),
      ("connection", kernel.connectionFile), ("log", kernel.logFile),
    ]
    var text = ""
    for case (let title, let value?) in lines where !value.isEmpty {
      text += title + String(repeating: " ", count: max(1, 14 - title.count)) + value + "\n"
    }
    let events = kernel.document["events"]?.array ?? []
    if !events.isEmpty { text += "\n" }
    for event in events {
      let detail = event["detail"]?.string.map { $0.isEmpty ? "" : ": \($0)" } ?? ""
      text += "\(event["time"]?.string ?? "?")  \(event["event"]?.string ?? "?")\(detail)\n"
    }
    return text
  }
}

struct RegistryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "registry", abstract: "Print the registry as registry.json has it.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    Output.json(try access.ask { client throws(FleetClientError) in try client.registry() })
  }
}

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Tell of each kernel whether it is healthy, and why not. Exit code 1 if one is not.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.kernels() }
    let kernels = KernelDocument.list(document)
    if jsonOption.json {
      Output.json(document)
    } else if kernels.isEmpty {
      Output.line("no kernels; start one with fleet spawn")
    } else {
      var table = Table([.left("ID"), .left("NAME"), .left("HEALTH"), .left("REASON")])
      for kernel in kernels {
        let colour: Output.Colour =
          kernel.healthState == "HEALTHY" ? .green : kernel.healthState == "DEAD" ? .red : .yellow
        table.add([
          .init(kernel.id), .init(kernel.name ?? "-"), .init(kernel.healthState, colour), .init(kernel.healthReason),
        ])
      }
      Output.write(table.text)
    }
    guard kernels.allSatisfy({ $0.healthState == "HEALTHY" }) else { throw CommandFailure(.failed) }
  }
}
