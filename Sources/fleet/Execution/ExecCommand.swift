// exec: code in a kernel that is already there.
import ArgumentParser
import Glibc
import JSON
import JupyterProtocol

struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run code in a kernel and print what it says.",
    discussion: """
      CODE may be "-" for standard input. Ctrl-C interrupts the code (exit code 130); an error in it is exit code 1, \
      and what it gives to os.exit or sys.exit is its own. The kernel stays. --json prints {status: ok, error, aborted \
      or kernel_ended; exit_code; outputs as notebooks keep them}.
      """)

  @OptionGroup var argument: KernelArgument

  @Argument(help: "The code, in the kernel's language.")
  var code: String

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let access = try HostAccess(directoryOptions)
    let text = code == "-" ? try InputReader.everything() : code
    let session = try KernelSession(try access.kernel(argument.kernel), access)
    // Standard input is the code's own, unless the code came from there.
    let input: KernelClient.InputHandler? = code == "-" ? nil : session.asking
    guard jsonOption.json else {
      var printer = OutputPrinter()
      let outcome = try session.run(ExecuteRequest(text), input: input) { printer.show($0) }
      return try Self.finish(outcome, session.kernel) { printer.show($0) }
    }
    var collector = OutputCollector()
    let outcome = try session.run(ExecuteRequest(text), input: input) { collector.add($0) }
    var end: CommandFailure?
    do throws(CommandFailure) { try Self.finish(outcome, session.kernel) { _ in } } catch { end = error }
    Output.json([
      "status": .string(outcome.word), "exit_code": JSON(end?.status ?? 0), "outputs": .array(collector.outputs),
    ])
    if let end { throw end }
  }

  /// Ends the command as the code ended.
  /// - Parameter show: tells people of an error that was not among the outputs.
  static func finish(
    _ outcome: KernelSession.Outcome, _ kernel: KernelDocument, show: (KernelException) -> Void
  ) throws(CommandFailure) {
    switch outcome {
    case .ok: return
    case .failed(let exception):
      show(exception)
      throw CommandFailure(Interruption.happened ? .interrupted : .failed)
    case .aborted:
      throw CommandFailure(.failed, "\(kernel.title) did not run the code, because code before it had failed")
    case .exited(let code):
      if code != 0 { throw CommandFailure(code: code) }
    case .kernelEnded(let ending):
      // The code may have ended its kernel itself. A kernel that somebody stops ends by 0, which says nothing of the code.
      if ending.hasBegun, let code = ending.code, code != 0 {
        throw CommandFailure(code: Int32(truncatingIfNeeded: code))
      }
      let hint = ending.isGone ? "" : "; see fleet logs \(kernel.title)"
      throw CommandFailure(.failed, ending.sentence(kernel.title) + hint)
    }
  }
}
