// kernelspec: what can be started on this machine. Needs no host.
import ArgumentParser
import FleetConfiguration
@preconcurrency import Glibc
import JSON
import LuaKernel

struct KernelspecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernelspec", abstract: "Tell which kernels can be started here; make Jupyter know ours.",
    subcommands: [KernelspecListCommand.self, KernelspecInstallCommand.self],
    defaultSubcommand: KernelspecListCommand.self)
}

struct KernelspecListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the kernelspecs of this machine, of fleet.toml, and the built-in one.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let catalog = try MachineCatalog.load(try directoryOptions.directory())
    if jsonOption.json { return Output.json(Self.document(catalog)) }
    var table = Table([.left("NAME"), .left("LANGUAGE"), .left("DISPLAY NAME"), .left("PROGRAM"), .left("FROM")])
    for spec in catalog.all {
      let program = spec.executable.map { Table.Cell($0) } ?? .init("\(spec.argv[0]) is not installed", .red)
      table.add([.init(spec.name), .init(spec.language), .init(spec.displayName), program, .init(Self.origin(spec))])
    }
    Output.write(table.text)
    for problem in catalog.problems { Output.note("a broken kernelspec: \(problem)") }
  }

  private static func origin(_ spec: Kernelspec) -> String {
    switch spec.source {
    case .builtIn: "built in"
    case .configuration: "fleet.toml"
    case .directory(let path): path
    }
  }

  /// As Jupyter's servers answer `GET /api/kernelspecs`.
  private static func document(_ catalog: KernelspecCatalog) -> JSON {
    var specs: [String: JSON] = [:]
    for spec in catalog.all {
      specs[spec.name] = [
        "name": .string(spec.name), "resources": [:],
        "spec": [
          "argv": .array(spec.argv.map(JSON.string)), "env": .object(spec.environment.mapValues(JSON.string)),
          "display_name": .string(spec.displayName), "language": .string(spec.language),
          "interrupt_mode": .string(spec.interruptMode.rawValue), "metadata": spec.metadata,
        ],
      ]
    }
    return ["default": "lua", "kernelspecs": .object(specs)]
  }
}

struct KernelspecInstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Register the Lua kernel with Jupyter, whose clients then start it themselves.",
    discussion: "An earlier installation under the same name is replaced; another kernel's is not.")

  @Flag(help: "For this user; the default.")
  var user = false

  @Option(
    help: "Below this directory's share/jupyter: a Python environment, or /usr/local.", completion: .directory)
  var prefix: String?

  @Option(help: "The kernelspec's name.")
  var name = "fleet-lua"

  func validate() throws {
    guard !user || prefix == nil else { throw ValidationError("--user and --prefix are two places; choose one") }
  }

  func run() throws {
    guard let program = Installation.current.program("fleet-kernel") else {
      throw CommandFailure(.failed, "there is no fleet-kernel beside this program; build or install it first")
    }
    let place = prefix.map { KernelspecInstallation.Place.prefix($0) } ?? .user
    let installation = KernelspecInstallation(place: place, name: name, program: program)
    do {
      Output.write("\(name): \(try installation.install())\n")
    } catch {
      throw CommandFailure(.failed, error.description)
    }
  }
}

/// The kernelspecs as a host of this directory would see them.
enum MachineCatalog {
  static func load(_ directory: FleetDirectory) throws -> KernelspecCatalog {
    let configuration = try FleetConfiguration.load(
      named: nil, directory: directory, locator: Locator(fleetDirectory: directory.path))
    return KernelspecCatalog.discover(
      configuration: configuration, luaKernel: Installation.current.program("fleet-kernel"), environment: environment)
  }

  /// The kernelspec that a request names, or that speaks its language; nil if there is none here.
  static func find(_ request: JSON, _ directory: FleetDirectory) -> Kernelspec? {
    guard let catalog = try? load(directory) else { return nil }  // the host has said what is wrong
    if let name = request["kernelspec"]?.string { return try? catalog.find(name: name) }
    return request["language"]?.string.flatMap { try? catalog.find(language: $0) }
  }

  private static var environment: [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
      next += 1
    }
    return result
  }
}
