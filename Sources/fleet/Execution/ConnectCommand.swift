// connect, repl: an interactive session with a kernel, perhaps shared with others.
import ArgumentParser
import FleetClient
import Glibc
import JSON

struct ConnectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connect", abstract: "Talk to a kernel; what it knows is shared with its other clients.",
    discussion: "Ctrl-C stops the code that runs, Ctrl-D leaves. Code may also come from a pipe.")

  @OptionGroup var argument: KernelArgument
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    try InteractiveSession.run(try access.kernel(argument.kernel), access)
  }
}

struct ReplCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl", abstract: "Talk to a kernel that fits, found or started.",
    discussion: "The same as fleet find and then fleet connect.")

  @OptionGroup(title: "Requirements") var requirements: RequirementOptions
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let found = try FoundKernel(access, try requirements.request(access.locator))
    found.explain()
    try InteractiveSession.run(found.kernel, access)
  }
}

private enum InteractiveSession {
  /// Registers as a client for as long as the session lasts.
  static func run(_ kernel: KernelDocument, _ access: HostAccess) throws {
    let session = try KernelSession(kernel, access)
    let name = getenv("USER").map { String(cString: $0) } ?? "fleet"
    let registration = try access.client.addClient(kernel.uuid, name: name, pid: getpid())
    defer {
      // The host forgets clients whose process has ended; this only makes it sooner.
      _ = try? access.client.removeClient(kernel.uuid, pid: getpid())
    }
    let others = registration["others"]?.int.map(Int.init) ?? 0
    let sharing = others == 0 ? "shared with nobody else" : "shared with \(Words.count(others, "other client"))"
    let advice = isatty(STDIN_FILENO) == 1 ? "; Ctrl-D leaves" : ""
    Output.note("connected to \(kernel.title) (\(kernel.language), port \(kernel.port)), \(sharing)\(advice)")
    var conversation = Conversation(session, historyFile: "\(access.directory.path)/history.\(kernel.language)")
    try conversation.run()
  }
}
