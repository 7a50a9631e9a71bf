// The composition root of fleet-kernel: arguments in, exit code out.
import FleetConfiguration
import Glibc
import JupyterProtocol
import LuaRuntime
import Synchronization

public enum KernelProgram {
  /// Exit codes beside those of scripts.
  private enum Code {
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    /// By this a host knows that another base port may help.
    static let portTaken: Int32 = 98
  }

  /// - Parameter arguments: without the program's name.
  /// - Returns: the process's exit code.
  public static func main(_ arguments: [String]) -> Int32 {
    do {
      switch try KernelOptions.parse(arguments) {
      case .help: print(KernelOptions.help)
      case .version: print("fleet-kernel \(KernelInfo.version)")
      case .install(let installation): return install(installation)
      case .start(let options) where options.daemon: return daemon(arguments, options)
      case .start(let options): return start(options)
      }
      return 0
    } catch {
      return fail("\(error)", Code.usage)
    }
  }

  private static func daemon(_ arguments: [String], _ options: KernelOptions) -> Int32 {
    do {
      print(try Daemon(arguments: arguments, options: options).start())
      return 0
    } catch {
      return fail("\(error)", Code.failed)
    }
  }

  private static func install(_ installation: KernelspecInstallation) -> Int32 {
    do {
      print("\(installation.name): \(try installation.install())")
      return 0
    } catch {
      return fail(error.description, Code.failed)
    }
  }

  private static func start(_ options: KernelOptions) -> Int32 {
    SmallProcess.prepare()
    ProcessSignals.unblock()
    do {
      if let file = options.logFile { try redirectOutput(to: file) }
      let identity = try KernelIdentity(options)
      let settings = KernelSettings(
        try options.config.map { path in
          try KernelConfiguration.load(path: path)
        } ?? KernelConfiguration())
      return try run(options, identity, settings)
    } catch let error as ZMQError where error.isAddressInUse {
      return fail("\(error); choose another --port", Code.portTaken)
    } catch {
      return fail("\(error)", Code.failed)
    }
  }

  private static func run(
    _ options: KernelOptions, _ identity: KernelIdentity, _ settings: KernelSettings
  ) throws -> Int32 {
    let log = KernelLog(id: identity.id, isVerbose: settings.isVerbose)
    let (requested, isOurs) = try connection(options, identity)
    let problems = ProblemLog(log: log)
    let server = try KernelServer(requested, kernelID: identity.id) { problems.note($0, $1) }
    if isOurs || server.connection != requested { try server.connection.write(to: identity.connectionFile) }
    defer { if isOurs { unlink(identity.connectionFile) } }
    let setup = LuaKernel.Setup(
      identity: identity, configuration: settings, maxClients: options.maxClients,
      idleTimeout: options.idleTimeout > 0 ? .seconds(options.idleTimeout) : nil, log: log)
    let kernel = try LuaKernel(server: server, setup)
    ProcessSignals.install(server.attention)
    if let file = options.pidFile { try writePID(to: file) }
    defer { if let file = options.pidFile { unlink(file) } }
    log.info("listens on \(server.connection.endpoint(.shell)), connection file \(identity.connectionFile)")
    StartReport.send("ready \(identity.connectionFile)")
    return try kernel.run()
  }

  /// - Returns: also whether the connection file is ours to write and to remove.
  private static func connection(
    _ options: KernelOptions, _ identity: KernelIdentity
  ) throws(ConnectionFileError) -> (ConnectionFile, isOurs: Bool) {
    do throws(ConnectionFileError) {
      return (try ConnectionFile(reading: identity.connectionFile), false)
    } catch {
      guard error.code == ENOENT else { throw error }
      return (.make(basePort: options.port, key: UniqueID.key(), kernelName: "lua"), true)
    }
  }

  // MARK: Files

  private static func redirectOutput(to path: String) throws(UsageError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open the log file \(path)") }
    dup2(descriptor, STDOUT_FILENO)
    dup2(descriptor, STDERR_FILENO)
    close(descriptor)
  }

  private static func writePID(to path: String) throws(UsageError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("write the pid file \(path)") }
    defer { close(descriptor) }
    let text = Array("\(getpid())\n".utf8)
    guard write(descriptor, text, text.count) == text.count else { throw failure("write the pid file \(path)") }
  }

  private static func failure(_ action: String) -> UsageError {
    UsageError("cannot \(action): \(String(cString: strerror(errno)))")
  }

  private static func fail(_ message: String, _ code: Int32) -> Int32 {
    StartReport.send(message)
    let line = Array("fleet-kernel: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)  // nowhere else to say it
    return code
  }
}

/// Logs refused messages without letting whoever sends them fill the log.
private final class ProblemLog: Sendable {
  private let log: KernelLog
  private let count = Atomic<Int>(0)

  init(log: KernelLog) { self.log = log }

  func note(_ channel: ConnectionFile.Channel, _ error: MessageError) {
    let number = count.add(1, ordering: .relaxed).newValue
    if number <= 10 || number % 1000 == 0 { log.warning("refused message \(number) on \(channel): \(error)") }
  }
}
