// A child process whose output is collected while it runs.
import Foundation
import Synchronization
import Testing

final class RunningCommand: Sendable {
  private let process: Foundation.Process
  private let input = Pipe()
  private let collected = Mutex<(output: Data, errors: Data)>((Data(), Data()))
  private let readers = DispatchGroup()

  var pid: Int32 { process.processIdentifier }
  var output: String { collected.withLock { String(decoding: $0.output, as: UTF8.self) } }
  var errors: String { collected.withLock { String(decoding: $0.errors, as: UTF8.self) } }

  init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
    process = Foundation.Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = environment
    process.standardInput = input
    let (outputPipe, errorPipe) = (Pipe(), Pipe())
    process.standardOutput = outputPipe
    process.standardError = errorPipe
    try process.run()
    collect(outputPipe) { $0.output.append($1) }
    collect(errorPipe) { $0.errors.append($1) }
  }

  private func collect(_ pipe: Pipe, _ append: @escaping @Sendable (inout (output: Data, errors: Data), Data) -> Void) {
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    readers.enter()
    let thread = Thread { [self] in
      // The pipe is kept alive until its end was read.
      withExtendedLifetime(pipe) {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while true {
          let count = read(descriptor, &bytes, bytes.count)
          if count > 0 { collected.withLock { append(&$0, Data(bytes.prefix(count))) } }
          if count == 0 || (count < 0 && errno != EINTR) { break }
        }
      }
      readers.leave()
    }
    thread.start()
  }

  /// Whether it has a handler for a signal (proc(5), `SigCgt`).
  func catches(_ signal: Int32) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
    let caught = line?.split(whereSeparator: \.isWhitespace).last.flatMap { UInt64($0, radix: 16) } ?? 0
    return caught & 1 << (UInt64(signal) - 1) != 0
  }

  func send(_ text: String, andClose isLast: Bool = false) {
    // A command that does not read its input is no error.
    try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    if isLast { try? input.fileHandleForWriting.close() }
  }

  /// The end of the command; one that takes too long is killed.
  func finish(
    within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> CommandResult {
    let deadline = ContinuousClock.now + limit
    while process.isRunning {
      if ContinuousClock.now > deadline {
        kill(pid, SIGKILL)
        Issue.record(
          "\(process.arguments ?? []) took longer than \(limit): \(output)\n\(errors)", sourceLocation: sourceLocation)
        break
      }
      try await Task.sleep(for: .milliseconds(2))
    }
    process.waitUntilExit()
    // A daemon that was started may hold the pipes; what a command said is there when it has ended.
    _ = readers.wait(timeout: .now() + .milliseconds(500))
    return CommandResult(
      code: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
      output: output, errors: errors)
  }
}
