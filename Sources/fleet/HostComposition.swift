// The composition root of a host: everything is made here, top to bottom, and runs until it is told to stop.
import FleetConfiguration
import FleetCore
import FleetServer
import Foundation
import Logging
import PolicyHost
import ServiceLifecycle

/// What `fleet up` was told.
struct HostOptions: Sendable {
  var directory: FleetDirectory
  /// `--config FILE`
  var configurationFile: String?
}

/// Runs a host in this process until SIGTERM, SIGINT or `POST /shutdown`.
/// - Throws: `AlreadyRunning`, `ConfigurationError`, `StorageError`.
func runHost(options: HostOptions) async throws {
  let log = makeLogger()
  let directory = options.directory
  try directory.prepare()
  let locator = Locator(fleetDirectory: directory.path)
  let configuration = try FleetConfiguration.load(
    named: options.configurationFile, directory: directory, locator: locator)
  let installation = Installation.current
  guard let shim = installation.program("fleet-shim") else {
    throw ConfigurationError(.notFound, "fleet-shim is not beside \(installation.executable); install it there")
  }
  let policies = PolicyHost(route: configuration.policies.paths[.route] ?? []) { message in
    log.log(level: message.isFromHost ? .warning : .info, "\(message.path): \(message.text)")
  }
  var setup = FleetHost.Setup(
    directory: directory, configuration: configuration, shim: shim, luaKernel: installation.program("fleet-kernel"),
    locator: locator, policies: policies, environment: ProcessInfo.processInfo.environment, log: log)
  setup.heartbeat = configuration.health.interval
  let host = try FleetHost(setup: setup)
  let control = HostControl(version: fleetVersion) { kernels in
    Task {
      await host.stop(kernels: kernels)
      kill(getpid(), SIGTERM)
    }
  }
  let socket = try ControlSocket(host: host, control: control, log: log) {
    log.info("fleet \(fleetVersion) answers on \(directory.socket) (pid \(getpid()))")
  }
  let services = ServiceGroup(
    configuration: .init(
      services: [
        .init(service: HostService(host: host), successTerminationBehavior: .gracefullyShutdownGroup),
        .init(service: socket),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
  defer { unlink(directory.socket) }
  try await services.run()
}

private func makeLogger() -> Logger {
  LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
  var log = Logger(label: "fleet")
  log.logLevel = .info
  return log
}

/// The host as a service: a signal ends it and leaves the kernels alone.
private struct HostService: Service {
  let host: FleetHost

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await host.run()
    } onGracefulShutdown: {
      Task { await host.stop(kernels: false) }
    }
  }
}
