// spawn, find: how one comes by a kernel.
import ArgumentParser
import FleetClient
import FleetConfiguration
import JSON

struct SpawnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spawn", abstract: "Start a kernel; it returns once the kernel answers.",
    discussion: """
      CONFIG is a path, or the name of a config of the fleet directory or of those that ship with fleet: \
      default, openai, anthropic, local. Values of the variables that it names are sent along.
      """)

  @Argument(help: "The kernel config.", completion: .file(extensions: ["toml"]))
  var configName: String?

  @Argument(help: "The language (else the config's, else lua).")
  var languageName: String?

  @Option(help: "The same as CONFIG.", completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(help: "The same as LANGUAGE.")
  var language: String?

  @Option(help: "The kernelspec, if the language has several; see fleet kernelspec list.")
  var kernelspec: String?

  @Option(parsing: .unconditional, help: "Its base port (else the next free one).")
  var port: Int?

  @Option(help: "A name to call it by.")
  var name: String?

  @Option(help: "Its limit of memory, such as 512M.")
  var memory: String?

  @Option(parsing: .unconditional, help: "Its share of processors: 0.5 is half a core.")
  var cpu: String?

  @Option(parsing: .unconditional, help: "Its priority, from -20 (urgent) to 19.")
  var nice: Int?

  @Option(parsing: .unconditional, help: "How many processes it may have.")
  var processes: Int?

  @Option(parsing: .unconditional, help: "How many files it may have open.")
  var openFiles: Int?

  @Option(help: "How large a file may be that it writes, such as 1G.")
  var fileSize: String?

  @Option(
    help: ArgumentHelp("A variable of its environment; KEY alone sends the value it has here.", valueName: "key=value"),
    transform: KeyValue.parse)
  var env: [KeyValue] = []

  @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "key=value"), transform: KeyValue.parse)
  var label: [KeyValue] = []

  @Option(help: "The pool that it belongs to.")
  var pool: String?

  @Option(help: "Whose it is.")
  var owner: String?

  @Flag(help: "Start it even if a limit cannot be enforced on this machine.")
  var bestEffort = false

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    if config != nil && configName != nil { throw ValidationError("CONFIG and --config are given: one is enough") }
    if language != nil && languageName != nil {
      throw ValidationError("LANGUAGE and --language are given: one is enough")
    }
    if let memory { try Checked.size(memory) }
    if let cpu { try Checked.cpu(cpu) }
    if let name { try Checked.name(name) }
    if let processes { try Checked.count("--processes", processes, Limits.processes(parsing:)) }
    if let openFiles { try Checked.count("--open-files", openFiles, Limits.openFiles(parsing:)) }
    if let fileSize { try Checked.fileSize(fileSize) }
    if let nice, !(-20...19).contains(nice) { throw ValidationError("--nice \(nice): it goes from -20 to 19") }
    if let port, !(1...65531).contains(port) { throw ValidationError("--port \(port): it goes from 1 to 65531") }
    try Checked.labels(label)
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let body = try body(access)
    let document = try access.ask(for: body, "starting a kernel") { client throws(FleetClientError) in
      try client.spawn(body)
    }
    if jsonOption.json { return Output.json(document) }
    let kernel = KernelDocument(document["kernel"] ?? [:])
    let title = kernel.name.map { "\($0) (\(kernel.id))" } ?? kernel.id
    let verb = document["taken"]?.bool == true ? "took from pool \(kernel.pool ?? "?")" : "started"
    Output.line("\(verb) \(title): \(kernel.language), port \(kernel.port), pid \(kernel.pid)")
    Output.line("connection file \(kernel.connectionFile)")
  }

  private func body(_ access: HostAccess) throws -> JSON {
    var request = KernelRequest(locator: access.locator)
    try request.setConfig(config ?? configName)
    try request.setEnvironment(env)
    request.warn()
    request.set("language", language ?? languageName)
    request.set("kernelspec", kernelspec)
    request.set("port", number: port)
    request.set("name", name)
    request.set("memory_limit", memory)
    request.set("cpu_limit", cpu)
    request.set("nice", number: nice)
    request.set("processes", number: processes)
    request.set("open_files", number: openFiles)
    request.set("file_size", fileSize)
    request.set("labels", label)
    request.set("pool", pool)
    request.set("owner", owner)
    request.set("best_effort", flag: bestEffort)
    return request.body
  }
}

struct FindCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find", abstract: "Get a kernel that fits, or a new one, as the routing policy decides.",
    discussion: "Prints the path of its connection file; why this kernel is told on standard error.")

  @OptionGroup(title: "Requirements") var requirements: RequirementOptions
  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let found = try FoundKernel(access, try requirements.request(access.locator))
    if jsonOption.json { return Output.json(found.document) }
    found.explain()
    Output.line(found.kernel.connectionFile)
  }
}

/// The answer of `POST /find`.
struct FoundKernel {
  let document: JSON
  let kernel: KernelDocument

  init(_ access: HostAccess, _ request: KernelRequest) throws {
    document = try access.ask(for: request.body, "finding a kernel") { client throws(FleetClientError) in
      try client.find(request.body)
    }
    kernel = KernelDocument(document["kernel"] ?? [:])
    if document["decision"]?["spawned"]?.bool == true { request.warn() }
  }

  /// Which kernel it is and why; that the policy failed, if the host's own rule had to decide.
  func explain() {
    let decision = document["decision"] ?? [:]
    if decision["fallback"]?.bool == true {
      let error = decision["error"]?.string.map { ": \($0)" } ?? ""
      Output.note("the routing policy failed\(error); the host's own rule decided")
    }
    let verb = decision["spawned"]?.bool == true ? "started" : "found"
    let title = kernel.name.map { "\($0) (\(kernel.id))" } ?? kernel.id
    let reason = decision["reason"]?.string.flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
    Output.note("\(verb) \(title)\(reason)")
  }
}
