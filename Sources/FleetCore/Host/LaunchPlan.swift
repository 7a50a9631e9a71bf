// From a kernel's row to what its shim is told.
import FleetConfiguration
import FleetEngine
import Foundation

struct LaunchPlan: Sendable {
  let setup: FleetHost.Setup
  let files: KernelFiles
  let resolver: Resolver

  /// Finds the kernelspec again, because it may have changed since the kernel was spawned.
  func request(for kernel: Kernel) throws -> LaunchRequest {
    let id = kernel.id.description
    let directory = setup.directory
    let spec = try resolver.kernelspec(named: kernel.specification.kernelspec)
    let arguments = LaunchArguments(
      connectionFile: directory.connectionFile(id), port: kernel.port, id: id, config: kernel.specification.config,
      logFile: directory.logFile(id), pidFile: directory.pidFile(id))
    let logs = setup.configuration.logs
    return LaunchRequest(
      id: id, nonce: kernel.nonce, directory: directory.path, arguments: arguments.command(for: spec),
      environment: try environment(of: kernel, spec), logFile: directory.logFile(id),
      rotation: LogRotation(
        size: logs.maximumSize.bytes, keep: logs.keep, age: logs.maximumAge.map { Int64($0.seconds) } ?? 0),
      limits: limits(kernel.specification.limits), hardening: hardening(kernel),
      directoryIdentity: files.identity, workingDirectory: workingDirectory(of: kernel),
      isBestEffort: kernel.specification.limits.bestEffort)
  }

  /// One that is gone since is no reason not to start. What is kept in its own directory begins there.
  private func workingDirectory(of kernel: Kernel) -> String? {
    if kernel.specification.hardening.hasOwnDirectory { return setup.directory.ownDirectory("\(kernel.id)") }
    return kernel.specification.workingDirectory.flatMap { FilePath.isDirectory($0) ? $0 : nil }
  }

  private func limits(_ limits: FleetEngine.Limits) -> LaunchLimits {
    LaunchLimits(
      memory: limits.memory, cpu: limits.cpu, processes: limits.processes, openFiles: limits.openFiles,
      fileSize: limits.fileSize, nice: limits.nice)
  }

  private func hardening(_ kernel: Kernel) -> LaunchHardening {
    let wanted = kernel.specification.hardening
    var user = kernel.user
    // Another range is in force since: the directory is passed through by its group.
    if let first = setup.configuration.hardening.uidRange?.first { user?.fleetGroup = first }
    return LaunchHardening(
      privateTmp: wanted.privateTmp, landlock: wanted.landlock, seccomp: wanted.seccomp, user: user,
      writable: wanted.landlock ? [setup.directory.ownDirectory("\(kernel.id)")] : [])
  }

  /// Where a hardened kernel finds room for what others put elsewhere.
  private func places(_ kernel: Kernel) -> [String: String] {
    let (hardening, own) = (kernel.specification.hardening, setup.directory.ownDirectory("\(kernel.id)"))
    var places: [String: String] = [:]
    if hardening.hasOwnDirectory {
      places = ["FLEET_STATE_DIR": own, "TMPDIR": own, "IPYTHONDIR": own + "/ipython"]
    }
    // Its user is in no list of users, where programs would look for a home and a name.
    if hardening.firstUser != nil {
      places.merge(["HOME": own, "USER": kernel.id.description, "LOGNAME": kernel.id.description]) { $1 }
    }
    if hardening.privateTmp { places["TMPDIR"] = "/tmp" }
    return places
  }

  /// The host's environment, the kernelspec's, ours, and last what the client sent.
  private func environment(of kernel: Kernel, _ spec: Kernelspec) throws -> [String: String] {
    var environment = setup.environment
    environment.merge(LaunchArguments.environment(for: spec, inherited: environment)) { $1 }
    let ours = [
      "FLEET_HOME": setup.directory.path, "FLEET_SOCKET": setup.directory.socket,
      "FLEET_KERNEL_ID": kernel.id.description, "FLEET_KERNEL_UUID": kernel.id.uuid, "FLEET_NONCE": kernel.nonce,
    ]
    environment.merge(try files.environment(of: kernel.id)) { $1 }
    return environment.merging(ours) { $1 }.merging(places(kernel)) { $1 }
  }
}

extension Kernel {
  /// Whom it runs as; nil: the host's user.
  var user: LaunchHardening.User? {
    specification.hardening.firstUser.map { .init(id: $0 + UInt32(userOffset), fleetGroup: $0) }
  }
}

/// Whether another program listens on a kernel's ports; asked before a launch, because kernels take a bind failure as
/// their end.
enum PortCheck {
  /// Why the first of the ports that cannot be bound on loopback cannot; nil if all can.
  static func problem(from base: Int, count: Int) -> String? {
    // One by one: `first` of a lazy sequence asks twice, and the port may be free by then.
    for port in base..<(base + count) {
      if let problem = problem(port) { return problem }
    }
    return nil
  }

  private static func problem(_ port: Int) -> String? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    // Without a descriptor nothing can be told; the kernel will tell.
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // As libzmq does: connections of an earlier kernel in TIME_WAIT do not keep a port.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    switch result == 0 ? 0 : errno {
    case EADDRINUSE: return "port \(port) is taken by another program"
    case EACCES: return "port \(port) is not for this user"
    default: return nil
    }
  }
}
