// run: a script in a kernel that is found or started for it.
import ArgumentParser
import JSON
import JupyterProtocol

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a script in a kernel of its language, found or started.",
    discussion: """
      Options of fleet stand before SCRIPT; what follows it is the script's. SCRIPT may be "-" for standard input. \
      The exit code is the script's own.
      """)

  @OptionGroup(title: "Requirements") var requirements: RequirementOptions
  @OptionGroup var directoryOptions: DirectoryOptions

  @Argument(help: "The script's file.", completion: .file())
  var script: String

  @Argument(parsing: .captureForPassthrough, help: "The script's arguments.")
  var arguments: [String] = []

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let script = try Script(path: script)
    let language = requirements.language ?? script.language
    guard language != nil || requirements.config != nil else {
      throw CommandFailure(
        .usage, "the language of \(script.path) cannot be told from its name; say it with --language before the script")
    }
    let found = try FoundKernel(access, try requirements.request(access.locator, language: language))
    if Output.errorIsTerminal || found.document["decision"]?["fallback"]?.bool == true { found.explain() }
    let executions = try script.executions(
      kernelspec: found.kernel.kernelspec, language: found.kernel.language, arguments: arguments)
    let session = try KernelSession(found.kernel, access)
    let input: KernelClient.InputHandler? = script.path == "-" ? nil : session.asking
    var printer = OutputPrinter()
    for request in executions {
      // What runs before the script, such as the setting of its arguments, may have ended before it was interrupted.
      if Interruption.happened { throw CommandFailure(.interrupted) }
      let outcome = try session.run(request, input: input) { printer.show($0) }
      try ExecCommand.finish(outcome, session.kernel) { printer.show($0) }
    }
  }
}
