// Where `fleet` begins and ends: arguments in, one sentence and an exit code out.
import ArgumentParser
import FleetConfiguration
import Glibc

@main
enum Main {
  static func main() async {
    unblockSignals()
    keepStandardDescriptors()
    let arguments = LeadingOptions.take(Array(CommandLine.arguments.dropFirst()))
    do {
      var command = try FleetCommand.parseAsRoot(arguments)
      if var asynchronous = command as? AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      exit(ExitStatus.done.rawValue)
    } catch {
      exit(report(error))
    }
  }

  /// Whoever started us may have left signals blocked (Foundation's Process does): then neither Ctrl-C nor SIGTERM
  /// would end anything, a host and its kernels included.
  private static func unblockSignals() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// What somebody closed before he started us must not become a socket of ours.
  private static func keepStandardDescriptors() {
    while case let descriptor = open("/dev/null", O_RDWR), descriptor >= 0 {
      if descriptor > STDERR_FILENO {
        close(descriptor)
        return
      }
    }
  }

  /// Says what went wrong and answers the exit code.
  private static func report(_ error: any Error) -> Int32 {
    if let failure = CommandFailure(error) {
      if let message = failure.message { Output.complain(message) }
      return failure.status
    }
    let code = FleetCommand.exitCode(for: error)
    let words = LeadingOptions.take(Array(CommandLine.arguments.dropFirst()))
    if code.isSuccess {
      if words.first == "help", words.count > 1, let complaint = unknownCommand(words[1]) {
        Output.complain(complaint)
        return ExitStatus.usage.rawValue
      }
      Output.write(FleetCommand.fullMessage(for: error) + "\n")
      return ExitStatus.done.rawValue
    }
    if error is ExitCode { return code.rawValue }
    guard code == .validationFailure else {
      Output.complain("\(error)")
      return ExitStatus.failed.rawValue
    }
    Output.complain(words.first.flatMap(unknownCommand) ?? usage(error))
    return ExitStatus.usage.rawValue
  }

  /// Nil if there is such a command.
  private static func unknownCommand(_ word: String) -> String? {
    let names = FleetCommand.commandNames
    guard !word.hasPrefix("-"), word != "help", !names.contains(word) else { return nil }
    let hint = NearestName.of(word, among: names).map { "; did you mean \"\($0)\"?" } ?? "; see fleet --help"
    return "there is no command \"\(word)\"\(hint)"
  }

  /// What was wrong with the arguments, and the `--help` that tells more, in one sentence.
  private static func usage(_ error: any Error) -> String {
    let message = FleetCommand.message(for: error)
    if message.hasSuffix("?") { return message }  // it says what was probably meant
    let advice = FleetCommand.fullMessage(for: error).split(separator: "\n").last { $0.contains("See '") }
    guard let advice, let start = advice.range("See '"), let end = advice.range("' for") else { return message }
    let sentence = message.hasSuffix(".") ? String(message.dropLast()) : message
    return "\(sentence); see \(advice[start.upperBound..<end.lowerBound])"
  }
}

/// `--fleet-dir` may stand before the command too, where the parser does not look for options of commands.
private enum LeadingOptions {
  static func take(_ arguments: [String]) -> [String] {
    guard let first = arguments.first else { return arguments }
    if first.hasPrefix("--fleet-dir=") {
      setenv("FLEET_HOME", String(first.dropFirst("--fleet-dir=".count)), 1)
      return take(Array(arguments.dropFirst()))
    }
    guard first == "--fleet-dir", arguments.count > 1 else { return arguments }
    setenv("FLEET_HOME", arguments[1], 1)
    return take(Array(arguments.dropFirst(2)))
  }
}

extension Substring {
  fileprivate func range(_ text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
