// The composition root of a host: everything is made here, top to bottom, and runs until it is told to stop.
import FleetConfiguration
import FleetCore
import enum FleetEngine.EntryPoint
import FleetServer
import Foundation
import Logging
import LuaKernel
import PolicyHost
import PolicyTools
import ServiceLifecycle

/// What `fleet up` was told.
struct HostOptions: Sendable {
  var directory: FleetDirectory
  /// `--config FILE`
  var configurationFile: String?
  /// `--http ADDRESS`
  var http: HTTPOption?
}

/// Runs a host in this process until SIGTERM, SIGINT or `POST /shutdown`.
/// - Throws: `AlreadyRunning`, `ConfigurationError`, `StorageError`.
func runHost(options: HostOptions) async throws {
  OpenFiles.raiseLimit()
  await TimerClocks.prepare()
  let directory = options.directory
  try directory.prepare()
  let locator = Locator(fleetDirectory: directory.path)
  var configuration = try FleetConfiguration.load(
    named: options.configurationFile, directory: directory, locator: locator)
  options.http?.apply(to: &configuration.host)
  let log = makeLogger(HostLogFile(path: directory.logFile, settings: configuration.logs))
  if let users = configuration.hardening.uidRange {
    try directory.admit(users)
    for file in directory.openFiles { log.warning("\(file) can be read by the kernels: chmod 600 \(file)") }
  }
  let installation = Installation.current
  guard let shim = installation.program("fleet-shim") else {
    throw ConfigurationError(.notFound, "fleet-shim is not beside \(installation.executable); install it there")
  }
  let policies = PolicyHost(
    paths: byEntryPoint(configuration.policies.paths), shadows: byEntryPoint(configuration.policies.shadows),
    store: PolicyStore(directory: directory.policyStore), rehearsal: rehearse
  ) { message in
    log.log(level: message.isFromHost ? .warning : .info, "\(message.path): \(message.text)")
  }
  var setup = FleetHost.Setup(
    directory: directory, configuration: configuration, shim: shim, luaKernel: installation.program("fleet-kernel"),
    locator: locator, policies: policies, environment: ProcessInfo.processInfo.environment, log: log)
  setup.heartbeat = configuration.health.interval
  setup.builtInResources = KernelResources.files
  let host = try FleetHost(setup: setup)
  let control = HostControl(version: fleetVersion, reloadPolicies: { await policies.reload($0) }) { kernels in
    // The end of the host's service ends the group.
    Task { await host.stop(kernels: kernels) }
  }
  let listener = try configuration.host.http.map {
    try WebListener(host: host, control: control, settings: configuration.host, address: $0, log: log)
  }
  let socket = try ControlSocket(host: host, control: control, listener: listener, log: log) {
    let options = LastHost(configurationFile: options.configurationFile, http: options.http?.text)
    if let problem = options.keep(directory) { log.warning("\(problem)") }
    log.info("fleet \(fleetVersion) answers on \(directory.socket) (pid \(getpid()))")
  }
  // Kernels start where the host is: not wherever somebody typed the command that happened to start it.
  if chdir(FilePath.home() ?? directory.path) != 0 { log.warning("cannot change to the home directory") }
  // The last of the services is told first: the host answers what is under way, then the socket can drain.
  var all: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: socket)]
  if let listener { all.append(.init(service: listener)) }
  all.append(.init(service: HostService(host: host), successTerminationBehavior: .gracefullyShutdownGroup))
  var services = ServiceGroupConfiguration(
    services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
  services.maximumGracefulShutdownDuration = .seconds(5)
  services.maximumCancellationDuration = .seconds(5)
  let group = ServiceGroup(configuration: services)
  let result: Result<Void, any Error>
  do { result = .success(try await group.run()) } catch { result = .failure(error) }
  // First the socket, then the lock: another host may bind the same path as soon as it has the lock.
  unlink(directory.socket)
  // The next host begins with what policies remember now, not with what they remembered at the last checkpoint.
  await policies.keepEverything()
  if case .success = result { LastHost.forget(directory) }
  await host.leaveDirectory()
  try result.get()
}

/// Runs the fixtures beside a policy before the policy is used; says what fails.
@Sendable private func rehearse(path: String, text: [UInt8]) -> String? {
  let report = PolicyFixtures.run(policyPath: path, text: text)
  guard report.failed > 0 else { return nil }
  return "\(report.failed) of its \(report.passed + report.failed) tests failed: \(report.complaints.first ?? "?")"
}

private func byEntryPoint(_ paths: [Policies.Entry: [String]]) -> [EntryPoint: [String]] {
  Dictionary(
    uniqueKeysWithValues: paths.compactMap { entry, paths in EntryPoint(rawValue: entry.rawValue).map { ($0, paths) } })
}

private func makeLogger(_ file: HostLogFile) -> Logger {
  LoggingSystem.bootstrap { HostLogHandler(StreamLogHandler.standardError(label: $0), file) }
  var log = Logger(label: "fleet")
  log.logLevel = .info
  return log
}

/// The host as a service: a signal ends it and leaves the kernels alone.
private struct HostService: Service {
  let host: FleetHost

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await host.run(keepingDirectory: true)
    } onGracefulShutdown: {
      Task { await host.stop(kernels: false) }
    }
  }
}
