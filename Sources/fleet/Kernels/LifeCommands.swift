// stop, stop-all, restart, interrupt, cleanup: the life of kernels.
import ArgumentParser
import FleetClient
import JSON

struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop a kernel; its state is removed.",
    discussion: "It is asked to end, then told by a signal, then killed with everything that it started.")

  @OptionGroup var argument: KernelArgument

  @Flag(help: "Kill it at once.")
  var force = false

  @Option(help: "How long it may take to end when asked, such as 5s.", transform: TimeArgument.parse)
  var timeout: Duration?

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask(about: argument.kernel, "stopping \(argument.kernel)") {
      client throws(FleetClientError) in
      try client.stop(argument.kernel, force: force, timeout: timeout)
    }
    try LifeOutput.show(document, "stopped", json: jsonOption.json)
  }
}

struct StopAllCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "stop-all", abstract: "Stop all kernels.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask("stopping all kernels") { client throws(FleetClientError) in try client.stopAll() }
    if jsonOption.json {
      Output.json(document)
    } else {
      Output.line("stopped \(Words.count(document["stopped"]?.array?.count ?? 0, "kernel"))")
    }
    try Self.complain(document)
  }

  /// Says which kernels go on against what was asked.
  /// - Throws: a failure that has been told, if there is one.
  static func complain(_ document: JSON) throws {
    let failed = document["failed"]?.array ?? []
    for kernel in failed {
      let (id, error) = (kernel["id"]?.string ?? "?", kernel["error"]?.string ?? "no reason is known")
      // It ended, and the registry does not know yet.
      let isDone = error.hasPrefix("it is done")
      Output.complain(isDone ? "\(id) was stopped: \(error)" : "\(id) was not stopped: \(error)")
    }
    if !failed.isEmpty { throw CommandFailure(.failed) }
  }
}

struct RestartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Restart a kernel: the same id, ports and state, fresh variables.")

  @OptionGroup var argument: KernelArgument
  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask(about: argument.kernel, "restarting \(argument.kernel)") {
      client throws(FleetClientError) in
      try client.restart(argument.kernel)
    }
    try LifeOutput.show(document, "restarted", json: jsonOption.json)
  }
}

struct InterruptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interrupt", abstract: "Stop the code that a kernel runs; its variables stay.")

  @OptionGroup var argument: KernelArgument
  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask(about: argument.kernel) { client throws(FleetClientError) in
      try client.interrupt(argument.kernel)
    }
    try LifeOutput.show(document, "interrupted", json: jsonOption.json)
  }
}

struct CleanupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Remove dead kernels and stale files; never what lives.")

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let document = try access.ask { client throws(FleetClientError) in try client.cleanup() }
    if jsonOption.json { return Output.json(document) }
    let removed = document["removed"]?.array ?? []
    for entry in removed {
      let files = entry["files"]?.array?.count ?? 0
      Output.line("removed \(entry["id"]?.string ?? "?") and \(Words.count(files, "file"))")
    }
    if removed.isEmpty { Output.line("nothing to remove") }
  }
}

private enum LifeOutput {
  static func show(_ document: JSON, _ verb: String, json: Bool) throws {
    if json { return Output.json(document) }
    let kernel = KernelDocument(document["kernel"] ?? [:])
    Output.line("\(verb) \(kernel.name.map { "\($0) (\(kernel.id))" } ?? kernel.id)")
  }
}
