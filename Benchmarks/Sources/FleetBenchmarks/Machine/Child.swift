// A process that a benchmark starts, and that ends with it.
import Foundation

/// A child, started by `posix_spawn` so that starting it costs the same however much memory we have.
final class Child {
  let pid: pid_t
  /// Set once it was waited for: the exit code, or minus the signal.
  private(set) var end: Int32?

  /// - Parameters:
  ///   - environment: what is added to ours.
  ///   - output: a file for its output and errors; nil throws them away.
  init(_ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)

    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
    var pid = pid_t()
    guard let program = arguments.first else { throw Failure("there is nothing to start") }
    let code = Self.withVector(arguments) { arguments in
      Self.withVector(variables) { variables in
        posix_spawn(&pid, program, &actions, nil, arguments, variables)
      }
    }
    guard code == 0 else { throw Failure("cannot start \(program): \(String(cString: strerror(code)))") }
    self.pid = pid
  }

  deinit { kill() }

  /// Ends it, if it has not ended, and waits for that.
  func kill(_ signal: Int32 = SIGKILL) {
    guard end == nil else { return }
    Glibc.kill(pid, signal)
    _ = wait()
  }

  /// - Returns: the exit code, or minus the signal.
  @discardableResult
  func wait() -> Int32 {
    if let end { return end }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    let signal = status & 0x7F
    let end = signal == 0 ? status >> 8 & 0xFF : -signal
    self.end = end
    return end
  }

  /// Runs a command to its end.
  /// - Throws: if its exit code is not 0.
  static func run(_ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws {
    let code = try Child(arguments, environment: environment, output: output).wait()
    guard code == 0 else {
      let said = output.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? ""
      throw Failure("\(arguments.joined(separator: " ")) ended with \(code) \(said)")
    }
  }

  private static func withVector<Result>(
    _ words: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let vector = words.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    return body(vector)
  }
}

/// Why a benchmark could not be carried out.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Waits for a condition, looking every millisecond.
func wait(for what: String, within patience: Duration = .seconds(60), until isTrue: () throws -> Bool) throws {
  let end = ContinuousClock.now + patience
  while try !isTrue() {
    guard ContinuousClock.now < end else { throw Failure("waited in vain for \(what)") }
    usleep(1000)
  }
}
