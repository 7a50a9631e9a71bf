// A real host in this process, with real kernels in a directory and on ports of their own; everything is ended and
// removed however a test ends.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import JupyterProtocol
import Logging
import Synchronization
import Testing

@testable import FleetCore

final class HostFixture: Sendable {
  let directory: FleetDirectory
  let base: Int
  let policies = NativePolicies()
  let log = CollectedLog()
  private let temporary: TemporaryDirectory?
  private let home: TemporaryDirectory
  private let running = Mutex<RunningHost?>(nil)
  private let clients = BlockingQueue("test.clients")

  private struct RunningHost {
    var host: FleetHost
    var task: Task<Void, any Error>
  }

  /// An interpreter with ipykernel.
  static let python: String? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
    let candidates: [String?] = [
      ProcessInfo.processInfo.environment["FLEET_TEST_PYTHON"], package.appending(path: ".venv/bin/python").path,
    ]
    return candidates.compactMap { $0 }.first { access($0, X_OK) == 0 }
  }()

  private init(path: String? = nil) throws {
    temporary = path == nil ? try TemporaryDirectory() : nil
    directory = FleetDirectory(path: path ?? temporary?.path ?? "")
    try directory.prepare()
    home = try TemporaryDirectory()
    base = TestPorts.take(20)
  }

  /// - Parameter path: a directory that is there already; nil makes one.
  static func with(path: String? = nil, _ body: (HostFixture) async throws -> Void) async throws {
    try #require(
      python != nil, "no Python with ipykernel: set FLEET_TEST_PYTHON, or make .venv with ipykernel in the package")
    let fixture = try HostFixture(path: path)
    let result: Result<Void, any Error>
    do {
      try await body(fixture)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    await fixture.tearDown()
    try result.get()
  }

  // MARK: Hosts

  /// As `fleet.toml` says; kernels named `ends` end at once, those named `asked` are interrupted by a message.
  private func makeSetup() throws -> FleetHost.Setup {
    let python: [JSON] = [.string(Self.python ?? ""), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    let text = """
      [ports]
      base = \(base)
      [kernelspecs.python3]
      argv = \(JSON.array(python).text())
      language = "python"
      [kernelspecs.asked]
      argv = \(JSON.array(python).text())
      language = "python"
      interrupt_mode = "message"
      [kernelspecs.ends]
      argv = ["sh", "-c", "printf 'last \\\\033[31mwords\\\\000\\\\033[0m\\\\n'; exit 3"]
      language = "sh"
      """
    try text.write(toFile: directory.configurationFile, atomically: true, encoding: .utf8)
    let locator = Locator(fleetDirectory: directory.path, sharedDirectory: nil)
    let configuration = try FleetConfiguration.load(named: nil, directory: directory, locator: locator)
    var log = Logger(label: "test") { [log] _ in log }
    log.logLevel = .info
    var setup = FleetHost.Setup(
      directory: directory, configuration: configuration, shim: LaunchFixture.shim, luaKernel: nil,
      locator: locator, policies: policies,
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home.path, "OF_HOST": "yes"], log: log)
    setup.heartbeat = .milliseconds(100)
    return setup
  }

  /// Starts a host, which is the fixture's until it is dropped.
  @discardableResult
  func start(_ change: (inout FleetHost.Setup) -> Void = { _ in }) throws -> FleetHost {
    var setup = try makeSetup()
    change(&setup)
    let host = try FleetHost(setup: setup)
    let task = Task { try await host.run() }
    running.withLock { $0 = RunningHost(host: host, task: task) }
    return host
  }

  /// The host leaves and its kernels stay, or go with it.
  func drop(kernels: Bool = false) async throws {
    let running = running.withLock { running in
      defer { running = nil }
      return running
    }
    guard let running else { return }
    await running.host.stop(kernels: kernels)
    try await running.task.value
  }

  private func tearDown() async {
    // What is to be torn down may be what the test broke.
    try? await drop()
    guard let events = try? DescriptorEvents() else { return }
    for name in SmallFile.names(in: directory.path) where name.hasSuffix(".lock") {
      guard let lock = (try? LockFile("\(directory.path)/\(name)")) ?? nil, let record = (try? lock.record()) ?? nil,
        case .running(let process) = try? ShimProbe(
          id: String(name.dropLast(5)), nonce: record.nonce, directory: directory.path
        ).look()
      else { continue }
      _ = try? await process.killSurely(events)
      _ = process.shim.reap()
    }
  }

  // MARK: Kernels

  func request(_ members: JSON = ["language": "python"]) throws -> SpawnRequest { try SpawnRequest(json: members) }

  /// What code prints, run through the connection file as any client would.
  func execute(_ kernel: JSON, _ code: String, within limit: Duration = .seconds(30)) async throws -> String {
    let path = try #require(kernel["connection_file"]?.string)
    return try await clients.run {
      let client = try KernelClient(ConnectionFile(reading: path))
      try client.waitUntilReady(timeout: .seconds(30))
      var text = ""
      let reply = try client.execute(ExecuteRequest(code), timeout: limit) { output in
        if case .stream(_, let part) = output { text += part }
      }
      if case .ok = reply.outcome { return text.trimmingCharacters(in: .newlines) }
      return "failed: \(reply.outcome)"
    }
  }

  /// Looks at a kernel until it has the status; the last look.
  func wait(
    _ host: FleetHost, _ reference: String, for status: Status, within limit: Duration = .seconds(30),
    where isWanted: (JSON) -> Bool = { _ in true }
  ) async throws -> JSON {
    let deadline = ContinuousClock.now + limit
    while true {
      let kernel = try await host.kernel(reference)
      if kernel["status"] == .string(status.rawValue), isWanted(kernel) { return kernel }
      try #require(ContinuousClock.now < deadline, "\(reference) is \(kernel["status"] ?? nil), not \(status)")
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  func registryFile() throws -> JSON {
    try JSON(parsing: Data(contentsOf: URL(filePath: directory.registryFile)))
  }
}

extension FleetHost {
  /// Whether an interrupt request is on its way to a kernel.
  func isInterrupting(_ id: String) -> Bool {
    engine.kernels.values.contains { "\($0.id)" == id && wire.isInterrupting($0) }
  }
}

extension JSON {
  /// The pid of a kernel's document.
  var pid: Int32? { self["pid"]?.int.flatMap(Int32.init(exactly:)) }
  var id: String { self["id"]?.string ?? "without an id" }
}

/// Ranges of ports that nobody uses, each handed out once; below those that the system gives to clients.
enum TestPorts {
  private static let taken = Mutex<Set<Int>>([])

  static func take(_ kernels: Int) -> Int {
    taken.withLock { taken in
      while true {
        let base = Int.random(in: 120..<310) * 100
        let isOurs = taken.contains(base)
        guard !isOurs, PortCheck.problem(from: base, count: kernels * 5) == nil else { continue }
        taken.insert(base)
        return base
      }
    }
  }
}

/// The native router as a policy, unless a test wants another answer.
final class NativePolicies: FleetEngine.Policies {
  private let rows = Mutex<[String: KernelRow]>([:])
  let answer = Mutex<(@Sendable (PolicyQuestion) -> PolicyAnswer)?>(nil)
  /// The entry points that it has besides the router.
  let wanted = Mutex<Set<EntryPoint>>([])
  /// Is told of each row as it changes.
  let seen = Mutex<(@Sendable (KernelRow) -> Void)?>(nil)
  /// Policies whose answers could not be carried out.
  let blamed = Mutex<[String]>([])

  func unusable(_ path: String, _ entry: EntryPoint, why: String) { blamed.withLock { $0.append(path) } }

  func apply(_ changes: [KernelRowChange]) {
    if let seen = seen.withLock({ $0 }) {
      for case .put(let row) in changes { seen(row) }
    }
    rows.withLock { rows in
      for change in changes {
        switch change {
        case .put(let row): rows[row.uuid] = row
        case .remove(let uuid): rows[uuid] = nil
        }
      }
    }
  }

  func ask(_ question: PolicyQuestion, reply: @escaping @Sendable (PolicyAnswer) -> Void) {
    if let answer = answer.withLock({ $0 }) { return reply(answer(question)) }
    let (answer, reason) = Router.decide(question.requirements!, rows: rows.withLock { Array($0.values) })
    reply(PolicyAnswer(answer: .route(answer), reason: reason, policy: "native.test"))
  }

  var entries: Set<EntryPoint> { wanted.withLock { $0.union([.route]) } }

  func summaries() -> [PolicySummary] { [] }
}

/// Everything that a host logs.
final class CollectedLog: LogHandler, Sendable {
  private let collected = Mutex<[String]>([])

  var lines: [String] { collected.withLock { $0 } }

  func log(event: LogEvent) { collected.withLock { $0.append("\(event.level): \(event.message)") } }

  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
}

/// The error with which a request is refused; nil if it is not.
func refusal(_ request: @Sendable () async throws -> some Sendable) async -> EngineError? {
  do {
    _ = try await request()
    return nil
  } catch {
    return error as? EngineError
  }
}
