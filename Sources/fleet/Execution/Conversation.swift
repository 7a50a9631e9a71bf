// The interactive session: reads a piece of code, runs it, shows what it says, again and again.
import Glibc
import JSON
import JupyterProtocol

struct Conversation {
  private let session: KernelSession
  private let reader: any LineReader
  private let isInteractive: Bool
  private var printer = OutputPrinter()

  /// - Parameter historyFile: where what is entered at a terminal is remembered.
  init(_ session: KernelSession, historyFile: String) {
    self.session = session
    isInteractive = isatty(STDIN_FILENO) == 1
    let editor: (any LineReader)? = isInteractive && Output.isTerminal ? ReadlineReader(historyFile: historyFile) : nil
    reader = editor ?? PlainReader(showsPrompts: isInteractive)
  }

  /// Until the end of the input. What came from a pipe and failed fails the command.
  mutating func run() throws {
    var hasFailed = false
    loop: while true {
      printer.endLine()
      switch nextCode() {
      case .end: break loop
      case .interrupted: continue
      case .line(let code):
        reader.remember(code)
        if try !execute(code) { hasFailed = true }
      }
    }
    if isInteractive { Output.write("\n") }
    if hasFailed && !isInteractive { throw CommandFailure(.failed) }
  }

  /// A piece of code that the kernel takes for complete.
  private func nextCode() -> PromptAnswer {
    var code = ""
    var prompt = "\(session.kernel.language)> "
    while true {
      switch reader.read(prompt) {
      case .interrupted: return .interrupted
      case .end: return code.isEmpty ? .end : .line(code)  // the kernel says what is missing
      case .line(let line):
        if code.isEmpty && line.allSatisfy(\.isWhitespace) { continue }
        code += code.isEmpty ? line : "\n" + line
        // A kernel that does not answer this question, or not now, gets the code as it is.
        guard case .incomplete = try? session.client.isComplete(code) else { return .line(code) }
        prompt = String(repeating: ".", count: session.kernel.language.count) + "> "
      }
    }
  }

  /// - Returns: whether the code ran to its end.
  private mutating func execute(_ code: String) throws -> Bool {
    printer.reset()
    let input = isInteractive ? session.asking : nil
    let outcome = try session.run(ExecuteRequest(code), input: input) { printer.show($0) }
    switch outcome {
    case .ok: return true
    case .failed(let exception):
      printer.show(exception)
    case .exited(let code): throw CommandFailure(code: code)
    case .aborted: Output.note("the kernel did not run this, because code before it had failed")
    case .kernelEnded(let ending):
      let sentence = ending.sentence(session.kernel.title)
      try session.awaitRestart(else: "\(sentence); what it knew is gone")
      Output.note("\(sentence) and was started again; its variables are gone")
    }
    return false
  }
}
