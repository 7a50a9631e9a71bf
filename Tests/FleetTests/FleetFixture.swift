// A real host in a directory of its own, on ports of its own, driven by the real command line. However a test ends,
// nothing of it is left running.
import Foundation
import JSON
import Testing

/// What a command said.
struct CommandResult: Sendable, CustomStringConvertible {
  var code: Int32
  var output: String
  var errors: String

  var description: String { "exit code \(code)\n\(output)\n\(errors)" }

  var json: JSON {
    get throws { try JSON(parsing: output) }
  }
}

/// Where the build put the executables that the tests run.
enum Built {
  static let directory: String = {
    // The test bundle is mapped into this process; the executables lie beside it.
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    let line = maps.split(separator: "\n").first { $0.contains("PackageTests.xctest") }
    let path = line.flatMap { $0.firstIndex(of: "/").map { start in String(line![start...]) } } ?? ""
    return (path as NSString).deletingLastPathComponent
  }()

  static let package: String = {
    var path = #filePath
    for _ in 0..<3 { path = (path as NSString).deletingLastPathComponent }
    return path
  }()

  static func program(_ name: String) -> String { directory + "/" + name }

  /// The interpreter with jupyter_client and ipykernel.
  static var python: String {
    get throws {
      let path = ProcessInfo.processInfo.environment["FLEET_TEST_PYTHON"] ?? package + "/.venv/bin/python"
      return try #require(
        FileManager.default.isExecutableFile(atPath: path) ? path : nil,
        "\(path) is missing; make it with scripts/deps test, or name one with FLEET_TEST_PYTHON")
    }
  }
}

final class FleetFixture: Sendable {
  let home: String
  let basePort: Int

  /// Runs `body` with a fresh fleet directory; a host starts with the first command that needs one.
  static func with(
    configuration: String = "", _ body: (FleetFixture) async throws -> Void
  ) async throws {
    let fixture = try FleetFixture(configuration: configuration)
    do {
      try await body(fixture)
    } catch {
      Issue.record("the host's log:\n\(fixture.hostLog)")
      await fixture.tearDown()
      throw error
    }
    await fixture.tearDown()
  }

  private init(configuration: String) throws {
    home = NSTemporaryDirectory() + "fleet-\(UUID().uuidString.prefix(8))"
    basePort = Self.freeBase()
    try FileManager.default.createDirectory(
      atPath: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let http = configuration.contains("[host]") ? "" : "[host]\nhttp = \"\"\n"
    let text = "\(http)[ports]\nbase = \(basePort)\n\(configuration)"
    try text.write(toFile: home + "/fleet.toml", atomically: true, encoding: .utf8)
  }

  /// A base above which 200 ports are free on loopback, below the ports that the system hands out by itself.
  private static func freeBase() -> Int {
    while true {
      let base = 5 * Int.random(in: 2200...6300)
      if stride(from: base, to: base + 200, by: 5).allSatisfy(isFree) { return base }
    }
  }

  static func isFree(_ port: Int) -> Bool {
    guard let descriptor = listen(on: port) else { return false }
    close(descriptor)
    return true
  }

  /// A listening socket on loopback; nil if the port is taken.
  static func listen(on port: Int) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isBound, Glibc.listen(descriptor, 8) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  // MARK: Commands

  @discardableResult
  func fleet(
    _ arguments: String..., input: String = "", environment: [String: String] = [:], timeout: Duration = .seconds(60)
  ) async throws -> CommandResult {
    try await run(Built.program("fleet"), arguments, input: input, environment: environment, timeout: timeout)
  }

  /// The command must succeed; its output, trimmed.
  @discardableResult
  func ok(
    _ arguments: String..., environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let result = try await run(Built.program("fleet"), arguments, environment: environment)
    try #require(
      result.code == 0, "fleet \(arguments.joined(separator: " ")): \(result)", sourceLocation: sourceLocation)
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The command's document.
  func document(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> JSON {
    let result = try await run(Built.program("fleet"), arguments + ["--json"])
    try #require(
      result.code == 0, "fleet \(arguments.joined(separator: " ")): \(result)", sourceLocation: sourceLocation)
    return try JSON(parsing: result.output)
  }

  func kernel(_ name: String) async throws -> JSON {
    try #require(try await document("show", name)["kernel"])
  }

  /// Runs any program with this fleet's environment.
  @discardableResult
  func run(
    _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:],
    timeout: Duration = .seconds(60)
  ) async throws -> CommandResult {
    let running = try RunningCommand(program, arguments, environment: variables.merging(environment) { $1 })
    running.send(input, andClose: true)
    return try await running.finish(within: timeout)
  }

  /// A command that goes on while the test does other things.
  func start(_ arguments: String..., environment: [String: String] = [:]) throws -> RunningCommand {
    try RunningCommand(Built.program("fleet"), arguments, environment: variables.merging(environment) { $1 })
  }

  var variables: [String: String] {
    var variables = ProcessInfo.processInfo.environment
    variables["FLEET_HOME"] = home
    variables["HOME"] = home
    variables["TERM"] = "dumb"
    variables["JUPYTER_PATH"] = Built.package + "/.venv/share/jupyter"
    return variables
  }

  // MARK: The host

  var hostPid: Int32? {
    let text = try? String(contentsOfFile: home + "/fleet.pid", encoding: .utf8)
    return text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  var hostLog: String { (try? String(contentsOfFile: home + "/fleet.log", encoding: .utf8)) ?? "" }

  /// kill -9 of the host; returns when it is gone.
  func killHost() async throws {
    let pid = try #require(hostPid)
    kill(pid, SIGKILL)
    try await eventually("the host to end") { kill(pid, 0) != 0 || Self.isZombie(pid) }
  }

  static func isZombie(_ pid: Int32) -> Bool {
    let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return stat?.split(separator: ")").last?.split(separator: " ").first == "Z"
  }

  static func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 && !isZombie(pid) }

  /// Pids of shims and kernels, by the files that they keep.
  var livePids: Set<Int32> {
    var pids: Set<Int32> = []
    for name in (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? [] where name.hasSuffix(".lock") {
      guard let data = FileManager.default.contents(atPath: home + "/" + name), let json = try? JSON(parsing: data)
      else {
        continue
      }
      for member in ["shim", "kernel"] {
        if let pid = json[member]?.int.map(Int32.init), pid > 0, Self.isOurs(pid, home) { pids.insert(pid) }
      }
    }
    return pids
  }

  /// A pid may be somebody else's by now.
  private static func isOurs(_ pid: Int32, _ home: String) -> Bool {
    let variables = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
    return isAlive(pid) && String(decoding: variables, as: UTF8.self).contains("FLEET_HOME=\(home)")
  }

  private func tearDown() async {
    _ = try? await fleet("down", "--kernels", timeout: .seconds(20))
    let leftovers = livePids.union(hostPid.map { Self.isOurs($0, home) ? [$0] : [] } ?? [])
    for pid in leftovers { kill(pid, SIGKILL) }
    if !leftovers.isEmpty { Issue.record("processes were left after down --kernels: \(leftovers)\n\(hostLog)") }
    try? FileManager.default.removeItem(atPath: home)
  }
}

/// Waits for a condition, never for a time.
func eventually(
  _ what: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "waited \(limit) for \(what)", sourceLocation: sourceLocation)
    try await Task.sleep(for: .milliseconds(10))
  }
}
