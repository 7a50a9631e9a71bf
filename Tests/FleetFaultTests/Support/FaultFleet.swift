// A real host in a directory and on ports of its own, with the fault library preloaded. It is started, killed and asked
// by blocking calls, from threads of the test's own. However a test ends, nothing of it is left running.
import FleetClient
import Foundation
import Glibc
import JSON
import JupyterProtocol
import Synchronization
import Testing

final class FaultFleet: Sendable {
  /// Holds the fleet directory and, beside it, what is no business of the host.
  let base: String
  let home: String
  let basePort: Int
  let page: FaultPage
  /// Where the executables lie.
  let programs: String
  private let pid = Mutex<pid_t>(0)

  /// Runs a blocking body with a fresh fleet directory, on a thread of its own.
  static func with(
    configuration: String = "", programs: String = Built.programs, ports: Int = 60,
    _ body: @escaping @Sendable (FaultFleet) throws -> Void
  ) async throws {
    try await onThread {
      let fleet = try FaultFleet(configuration, programs, ports)
      let result = Result { try body(fleet) }
      if case .failure(let error) = result { Issue.record("\(error)\nthe host's log ends:\n\(fleet.log(lines: 40))") }
      fleet.tearDown()
    }
  }

  private init(_ configuration: String, _ programs: String, _ ports: Int) throws {
    var template = Array((NSTemporaryDirectory() + "fleet-faults-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw Problem("no temporary directory") }
    base = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    home = base + "/fleet"
    self.programs = programs
    basePort = FreePorts.base(count: 5 * ports)
    page = try FaultPage(path: base + "/page")
    guard mkdir(home, 0o700) == 0 else { throw Problem("cannot make \(home)") }
    let text = "[host]\nhttp = \"\"\n[ports]\nbase = \(basePort)\n\(configuration)"
    try text.write(toFile: home + "/fleet.toml", atomically: true, encoding: .utf8)
  }

  // MARK: The host

  var hostPid: pid_t { pid.withLock { $0 } }
  var socket: String { home + "/fleet.sock" }
  func client() -> FleetClient { FleetClient(socketPath: socket) }

  /// Starts a host and waits until it answers.
  /// - Returns: nil, or how it ended instead.
  func startHost() throws -> HostEnd? {
    let child = try launch()
    let deadline = ContinuousClock.now + .seconds(60)
    let client = client()
    while ContinuousClock.now < deadline {
      if let end = hasEnded() { return end }
      if let health = try? client.health(timeout: .seconds(5)), health["pid"]?.int == Int64(child) { return nil }
      usleep(3000)
    }
    throw Problem("the host (pid \(child)) did not answer within 60 s")
  }

  /// Starts a host that must come up.
  func up() throws {
    if let end = try startHost() { throw Problem("the host did not start: \(end)") }
  }

  private func launch() throws -> pid_t {
    guard hasEnded() != nil || hostPid == 0 else { throw Problem("a host runs already") }
    let log = open(base + "/host.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(log) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 1)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID, which Swift does not see.
    posix_spawnattr_setflags(&attributes, 0x80)
    var child: pid_t = 0
    let arguments = CStrings([programs + "/fleet", "up", "--foreground"])
    let variables = CStrings(environment.map { "\($0)=\($1)" })
    let result = posix_spawn(&child, programs + "/fleet", &actions, &attributes, arguments.pointers, variables.pointers)
    guard result == 0 else { throw Problem("cannot start \(programs)/fleet: \(String(cString: strerror(result)))") }
    pid.withLock { $0 = child }
    return child
  }

  var environment: [String: String] {
    var variables = ProcessInfo.processInfo.environment
    variables["FLEET_HOME"] = home
    variables["HOME"] = base
    variables["LD_PRELOAD"] = Built.faults
    variables["FLEET_FAULTS_PAGE"] = page.path
    variables["FLEET_FAULTS_DIRECTORY"] = home
    variables["FLEET_FAULTS_PROGRAM"] = "fleet"
    return variables
  }

  /// How a host ended; nil while it runs.
  func hasEnded() -> HostEnd? {
    pid.withLock { pid in
      guard pid != 0 else { return nil }
      var status: Int32 = 0
      guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
      pid = 0
      return HostEnd(status: status)
    }
  }

  func waitForEnd(within limit: Duration = .seconds(30)) throws -> HostEnd {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if let end = hasEnded() { return end }
      usleep(2000)
    }
    throw Problem("the host did not end within \(limit)")
  }

  func killHost() throws {
    let pid = hostPid
    guard pid != 0 else { return }
    kill(pid, SIGKILL)
    _ = try waitForEnd()
  }

  /// Lets the host open about so many descriptors more, until it ends, or until it is let open others.
  func limitDescriptors(toMore more: Int) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(hostPid)/fd")
    // The limit is of their numbers, of which the lowest that is free is taken: with none to spare there is none below.
    let used = Set(names.compactMap { Int($0) })
    try limitDescriptors(to: (0...).first { !used.contains($0) }! + more)
  }

  func limitDescriptors(to count: Int) throws {
    let process = Foundation.Process()
    process.executableURL = URL(filePath: "/usr/bin/prlimit")
    // Of the two limits, the one that may be raised again.
    process.arguments = ["--pid", "\(hostPid)", "--nofile=\(count):"]
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 { throw Problem("prlimit cannot limit the host's descriptors") }
  }

  /// A command of the command line, without the faults; what it said.
  func command(_ arguments: String...) throws -> String {
    let process = Foundation.Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: programs + "/fleet")
    process.arguments = arguments
    process.environment = environment.filter { $0.key != "LD_PRELOAD" }
    (process.standardOutput, process.standardError, process.standardInput) = (pipe, pipe, FileHandle.nullDevice)
    try process.run()
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Problem("fleet \(arguments) failed: \(said)") }
    return said
  }

  /// The last lines of what it logged.
  func log(lines: Int) -> String {
    let text = (try? String(contentsOfFile: base + "/host.log", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
  }

  private func tearDown() {
    page.disarm()
    page.failSpawns(nil)
    if hostPid != 0 {
      kill(hostPid, SIGTERM)
      if (try? waitForEnd(within: .seconds(20))) == nil { try? killHost() }
    }
    // Shims take their kernels with them; kernels first would be seen as crashes.
    for process in FleetProcess.all(of: home) { kill(process.pid, SIGKILL) }
    try? FileManager.default.removeItem(atPath: base)
  }
}

/// How a host ended.
struct HostEnd: Sendable, CustomStringConvertible {
  let status: Int32
  var isKilled: Bool { status & 0x7F == SIGKILL }
  /// By a signal of its own making: a trap, a failed assertion.
  var isCrash: Bool { status & 0x7F != 0 && !isKilled }
  var description: String {
    status & 0x7F == 0 ? "it ended with code \(status >> 8)" : "it ended by signal \(status & 0x7F)"
  }
}

/// Strings for C, for as long as the object.
final class CStrings {
  let pointers: [UnsafeMutablePointer<CChar>?]
  init(_ strings: [String]) { pointers = strings.map { strdup($0) } + [nil] }
  deinit { pointers.forEach { free($0) } }
}

/// Where the build put what tests run.
enum Built {
  static let directory: String = {
    // The test bundle is mapped into this process; the executables lie beside it.
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    let line = maps.split(separator: "\n").first { $0.contains("PackageTests.xctest") }
    let path = line.flatMap { $0.firstIndex(of: "/").map { start in String(line![start...]) } } ?? ""
    return (path as NSString).deletingLastPathComponent
  }()

  /// Those that are tested; `FLEET_TEST_PROGRAMS` names others, such as an optimised build.
  static let programs = ProcessInfo.processInfo.environment["FLEET_TEST_PROGRAMS"] ?? directory
  static let faults = directory + "/libFleetFaults.so"
}

/// Ports on loopback that nobody uses, below those that the system hands out by itself.
enum FreePorts {
  static func base(count: Int) -> Int {
    while true {
      let base = 5 * Int.random(in: 2200...(6300 - count / 5))
      if stride(from: base, to: base + count, by: 5).allSatisfy(isFree) { return base }
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
