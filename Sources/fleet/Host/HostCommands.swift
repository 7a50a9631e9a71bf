// up, down, status: the host itself.
import ArgumentParser
import FleetClient
import FleetConfiguration
import FleetServer
import Glibc
import JSON

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Start the host; it returns once the host answers.",
    discussion: "With --foreground it is the host, until SIGTERM, SIGINT or fleet down.")

  @Flag(name: [.short, .long], help: "Stay in the foreground and log to standard error.")
  var foreground = false

  @Option(
    name: .long, help: "Configuration (else fleet.toml of the fleet directory, else /etc/llmspell/fleet.toml).",
    completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(
    name: .long, help: "Where HTTP is served, such as 127.0.0.1:9550; \"\" for the control socket only.",
    transform: HTTPOption.parse)
  var http: HTTPOption?

  @OptionGroup var directoryOptions: DirectoryOptions

  func run() async throws {
    let directory = try directoryOptions.directory()
    let configurationFile = config.map { FilePath.absolute($0) }
    if foreground {
      try await runHost(
        options: HostOptions(directory: directory, configurationFile: configurationFile, http: http))
      return
    }
    // Read here first, so that a mistake is told here and not in a log.
    _ = try directory.check()
    _ = try FleetConfiguration.load(
      named: configurationFile, directory: directory, locator: Locator(fleetDirectory: directory.path))
    if let running = try? FleetClient(socketPath: directory.socket).health() {
      throw Self.alreadyRunning(running["pid"]?.int ?? 0, directory)
    }
    // One that cannot be understood says nothing that this host needs.
    if let last = try? LastHost.read(directory),
      last != LastHost(configurationFile: configurationFile, http: http?.text)
    {
      Output.note("the host that died was started with \(last.options)")
    }
    let starter = HostStarter(directory: directory, configurationFile: configurationFile, http: http)
    switch try Progress.during("starting a host", starter.start) {
    case .started(let pid):
      Output.line("started a host (pid \(pid)) in \(directory.path)")
      Self.warn(try FleetClient(socketPath: directory.socket).status())
    case .alreadyRunning(let pid): throw Self.alreadyRunning(Int64(pid), directory)
    }
  }

  /// A policy that cannot be used does not keep a host from starting; its author should hear of it all the same.
  private static func warn(_ status: JSON) {
    Output.noteDamage(status)
    for policy in status["policies"]?.array ?? [] {
      let path = policy["path"]?.string ?? "?"
      if let problem = policy["file_problem"]?.string, policy["state"]?.string == "active" {
        Output.note(
          "the policy \(path) cannot be used: \(problem); until it is corrected, its last good version decides")
      } else if let error = policy["last_error"]?.string {
        Output.note("the policy \(path) cannot be used: \(error); until it is corrected, the host's own rule decides")
      }
    }
  }

  private static func alreadyRunning(_ pid: Int64, _ directory: FleetDirectory) -> CommandFailure {
    CommandFailure(
      .alreadyRunning, "a host already runs in \(directory.path) (pid \(pid)); use it, or stop it with fleet down")
  }
}

struct DownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "Stop the host; its kernels go on without it unless --kernels is given.")

  @Flag(help: "Stop the kernels too.")
  var kernels = false

  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let health: JSON
    do {
      health = try access.client.health()
    } catch {
      guard error.isHostUnreachable else { throw error }
      guard !kernels else {
        throw CommandFailure(
          .unreachable, "no host runs in \(access.directory.path) that could stop kernels; see fleet up and fleet list")
      }
      // Nor is one to be started as the one that died was.
      LastHost.forget(access.directory)
      Output.note("no host runs in \(access.directory.path)")
      return
    }
    let pid = health["pid"]?.int.flatMap(Int32.init(exactly:)) ?? 0
    let stopped = try Progress.during("stopping") {
      // Told apart from the shutdown, so that it can be said which kernels could not be stopped.
      let stopped: JSON = kernels ? try access.client.stopAll() : [:]
      _ = try access.client.shutdown(kernels: kernels)
      try ProcessEnd.wait(for: pid)
      return stopped
    }
    let active = health["active_kernels"]?.int.map(Int.init) ?? 0
    let rest =
      kernels || active == 0 ? "" : "; \(Words.count(active, "kernel")) \(active == 1 ? "goes" : "go") on without it"
    Output.line("stopped the host (pid \(pid))\(rest)")
    try StopAllCommand.complain(stopped)
  }
}

enum ProcessEnd {
  /// Waits until a process that is not our child has ended.
  static func wait(for pid: Int32) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while pid > 0, isAlive(pid) {
      guard ContinuousClock.now < deadline else {
        throw CommandFailure(
          .failed, "the host (pid \(pid)) has not ended after 60 s; see its log, or end it with kill")
      }
      usleep(2000)
    }
  }

  /// A process that only waits for its parent to take its status counts as ended.
  private static func isAlive(_ pid: Int32) -> Bool {
    let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return false }
    let state = bytes[..<count].dropFirst(end + 2).first
    return state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
  }
}

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Tell whether a host runs, and what it does. Exit code 5 if none runs.")

  @Flag(help: "Show the configuration in force, defaults included.")
  var config = false

  @Flag(help: "Print the host's token for HTTP on TCP, and nothing else.")
  var showToken = false

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    if showToken {
      guard let token = try HostToken(directory: access.directory).read() else {
        throw CommandFailure(.notFound, "there is no token yet; a host that listens on TCP makes one: fleet up")
      }
      return Output.line(token)
    }
    do {
      let status = try access.client.status()
      if jsonOption.json { return Output.json(status) }
      Output.write(config ? status["configuration"]?.string ?? "" : Self.text(status))
    } catch {
      guard error.isHostUnreachable else { throw error }
      if config {
        // As the host would be that a command starts.
        let last = try LastHost.read(access.directory)
        var configuration = try FleetConfiguration.load(
          named: last?.configurationFile, directory: access.directory, locator: access.locator)
        last?.httpOption?.apply(to: &configuration.host)
        return Output.write(configuration.described())
      }
      if jsonOption.json { Output.json(["status": "down", "fleet_dir": .string(access.directory.path)]) }
      throw CommandFailure(.unreachable, "no host runs in \(access.directory.path); start one with fleet up")
    }
  }

  private static func web(_ status: JSON) -> String {
    if let url = status["http"]?.string { return "\(url) (fleet status --show-token tells its token)" }
    return status["http_problem"]?.string ?? "off; the control socket only"
  }

  private static func text(_ status: JSON) -> String {
    func number(_ key: String) -> Int { status[key]?.int.map(Int.init) ?? 0 }
    let uptime = Words.uptime(status["uptime_seconds"]?.double ?? 0)
    let version = status["version"]?.string ?? "?"
    var text = """
      host      \(status["status"]?.string ?? "?"), pid \(number("pid")), up \(uptime), version \(version)
      directory \(status["fleet_dir"]?.string ?? "?")
      http      \(Self.web(status))
      kernels   \(number("active_kernels")) active, \(number("dead_kernels")) dead

      """
    if let problem = status["storage_problem"]?.string { text += "storage   \(problem)\n" }
    if let aside = status["registry_set_aside"]?.string {
      text += "registry  was damaged when this host started, and is now \(aside); kernels that lived were adopted\n"
    }
    let policies = status["policies"]?.array ?? []
    for policy in policies {
      let entry = policy["entry"]?.string ?? ""
      if policy["shadow"]?.bool == true { text += "shadow of " }
      text += "\(entry.count < 9 ? entry + String(repeating: " ", count: 9 - entry.count) : entry) "
      text += "\(policy["path"]?.string ?? "?") (\(policy["hash"]?.string?.prefix(8) ?? "")), "
      text += "\(policy["state"]?.string ?? "?"), \(Words.count(policy["calls"]?.int.map(Int.init) ?? 0, "call")), "
      text += "\(Words.count(policy["fallbacks"]?.int.map(Int.init) ?? 0, "fallback"))\n"
      if let problem = policy["file_problem"]?.string {
        text += "          the file as it is now is not used: \(problem)\n"
      }
      if let error = policy["last_error"]?.string { text += "          last error: \(error)\n" }
    }
    return text
  }
}
