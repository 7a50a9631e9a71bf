// A fleet for one benchmark: a real host in a directory of its own, on ports of its own.
import FleetClient
import Foundation
import JSON
import JupyterProtocol

final class BenchFleet {
  let executables: Executables
  let directory: String
  private let environment: [String: String]
  private var hostPID: Int32 = 0
  var socket: String { directory + "/fleet.sock" }
  var client: FleetClient { FleetClient(socketPath: socket) }
  /// The process of the host.
  var host: Int32 { hostPID }

  /// Runs the body with a fleet whose host is up; takes everything down afterwards.
  /// - Parameters:
  ///   - ports: how many ports its kernels may need.
  ///   - environment: what the host has beside our environment.
  ///   - web: whether it listens on TCP, too; see `web`.
  static func with<Result>(
    _ executables: Executables, ports: Int = 500, environment: [String: String] = [:], web: Bool = false,
    _ body: (BenchFleet) throws -> Result
  ) throws -> Result {
    let fleet = try BenchFleet(executables, ports: ports, environment, webPort: web ? FreePorts.base(count: 1) : nil)
    defer { fleet.takeDown() }
    try fleet.up()
    return try body(fleet)
  }

  private let webPort: Int?

  private init(_ executables: Executables, ports: Int, _ environment: [String: String], webPort: Int?) throws {
    self.executables = executables
    self.webPort = webPort
    directory = try TemporaryDirectory.make("fleet")
    self.environment = environment.merging(["FLEET_HOME": directory]) { $1 }
    let http = webPort.map { "127.0.0.1:\($0)" } ?? ""
    let configuration = "[host]\nhttp = \"\(http)\"\n[ports]\nbase = \(FreePorts.base(count: ports))\n"
    try configuration.write(toFile: directory + "/fleet.toml", atomically: true, encoding: .utf8)
  }

  /// Starts the host as a user does.
  func up() throws {
    try Child.run([executables.fleet, "up"], environment: environment, output: directory + "/benchmark.log")
    hostPID = try pid(client.health()["pid"])
  }

  /// Where it listens on TCP.
  func web() throws -> WebServer {
    let token = try String(contentsOfFile: directory + "/fleet.token", encoding: .utf8)
    return WebServer(port: webPort ?? 0, token: token.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// A command of `fleet`, without its output.
  func command(_ arguments: String...) throws {
    try Child.run([executables.fleet] + arguments, environment: environment)
  }

  /// A command that goes on.
  func start(_ arguments: String...) throws -> Child {
    try Child([executables.fleet] + arguments, environment: environment)
  }

  /// Kills the host, as a crash would; the kernels go on.
  func killHost() throws {
    kill(hostPID, SIGKILL)
    try wait(for: "the end of the host") { kill(hostPID, 0) != 0 }
  }

  private func takeDown() {
    // Whatever this leaves, Benchmarks/run finds and complains about.
    let said = directory + ".down"
    do {
      try Child.run([executables.fleet, "down", "--kernels"], environment: environment, output: said)
      try FileManager.default.removeItem(atPath: directory)
    } catch {
      print("  \(directory) is left: \(error)")
    }
    unlink(said)
  }

  // MARK: Kernels

  /// A kernel as the host describes it.
  struct Kernel {
    let id: String
    let uuid: String
    let pid: Int32
    let shim: Int32
    let status: String
    let connectionFile: String

    init(_ document: JSON) throws {
      guard let id = document["id"]?.string, let file = document["connection_file"]?.string else {
        throw Failure("no kernel: \(document.text())")
      }
      self.id = id
      uuid = document["uuid"]?.string ?? ""
      pid = try BenchmarkPID.read(document["pid"])
      shim = try BenchmarkPID.read(document["shim_pid"])
      status = document["status"]?.string ?? ""
      connectionFile = file
    }

    /// A client that begins to connect.
    func connect() throws -> KernelClient { try KernelClient(ConnectionFile(reading: connectionFile)) }
  }

  /// As `fleet spawn` does it, with a connection of its own.
  /// - Parameter limits: members of the request.
  func spawn(_ limits: JSON = [:]) throws -> Kernel {
    var request = limits
    request["language"] = "lua"
    return try Kernel(client.spawn(request)["kernel"] ?? .null)
  }

  func spawn(_ count: Int) throws -> [Kernel] { try (0..<count).map { _ in try spawn() } }

  func kernels() throws -> [Kernel] { try (client.kernels()["kernels"]?.array ?? []).map(Kernel.init) }

  func stop(_ kernel: Kernel) throws { _ = try client.stop(kernel.id) }

  private func pid(_ value: JSON?) throws -> Int32 { try BenchmarkPID.read(value) }
}

enum BenchmarkPID {
  static func read(_ value: JSON?) throws -> Int32 {
    guard let pid = value?.int.flatMap(Int32.init(exactly:)), pid > 0 else {
      throw Failure("the host told no process: \(value?.text() ?? "nothing")")
    }
    return pid
  }
}
