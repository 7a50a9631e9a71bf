// Real fleet-kernel processes in directories of their own, ended however a test ends.
import Glibc
import JSON
import JupyterProtocol
import Testing

struct TestFailure: Error, CustomStringConvertible {
  let description: String
}

/// A process that a test started.
final class TestProcess {
  let pid: pid_t
  private var status: Int32?

  /// - Parameters:
  ///   - output: where stdout and stderr go; `/dev/null` if nil.
  ///   - environment: beside that of the tests.
  init(_ command: [String], output: String? = nil, environment: [String: String] = [:]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var words = command.map { strdup($0) } + [nil]
    var variables = TestProcess.environment(adding: environment).map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, command[0], &actions, nil, &words, &variables)
    guard code == 0 else {
      throw TestFailure(description: "cannot start \(command[0]): \(String(cString: strerror(code))); build it first")
    }
    self.pid = pid
  }

  deinit {
    signal(SIGKILL)
    if status == nil { waitpid(pid, nil, 0) }
  }

  private static func environment(adding more: [String: String]) -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let text = next.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      result[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
      next += 1
    }
    // A fleet around the tests is not theirs.
    return result.filter { !$0.key.hasPrefix("FLEET_KERNEL") && $0.key != "FLEET_SOCKET" }.merging(more) { $1 }
  }

  func signal(_ number: Int32) {
    if status == nil { kill(pid, number) }
  }

  /// Waits for the end: the exit code, or the negative number of the signal.
  func end(within limit: Duration = .seconds(30)) throws -> Int32 {
    try eventually("process \(pid) has ended", within: limit) {
      if status != nil { return true }
      var value: Int32 = 0
      if waitpid(pid, &value, WNOHANG) == pid { status = value }
      return status != nil
    }
    let value = status ?? 0
    return value & 0x7F == 0 ? value >> 8 & 0xFF : -(value & 0x7F)
  }
}

/// A running Lua kernel.
final class KernelProcess {
  let process: TestProcess
  let connection: ConnectionFile
  let log: String

  static var executable: String {
    get throws {
      guard let path = realpath("/proc/self/exe", nil) else { throw TestFailure(description: "no /proc/self/exe") }
      defer { free(path) }
      let tests = String(cString: path)
      return tests.prefix(upTo: tests.lastIndex(of: "/") ?? tests.startIndex) + "/fleet-kernel"
    }
  }

  init(
    in directory: String, name: String = "kernel", _ arguments: [String] = [], environment: [String: String] = [:]
  ) throws {
    let file = "\(directory)/\(name).json"
    log = "\(directory)/\(name).log"
    let process = try TestProcess(
      [try KernelProcess.executable, "start", "--port", "0", "--connection-file", file, "--id", name] + arguments,
      output: log, environment: environment)
    self.process = process
    try eventually("\(file) is written") { access(file, R_OK) == 0 }
    connection = try ConnectionFile(reading: file)
  }

  func client() throws -> KernelClient {
    let client = try KernelClient(connection)
    try client.waitUntilReady(timeout: .seconds(30))
    return client
  }
}

/// Runs a test with a kernel of a directory.
func withKernel(
  in directory: String, _ arguments: [String] = [], _ body: (KernelProcess, KernelClient) throws -> Void
) throws {
  let kernel = try KernelProcess(in: directory, arguments)
  try body(kernel, try kernel.client())
}

/// Runs a test with a kernel and a client of it.
func withKernel(
  _ arguments: [String] = [], environment: [String: String] = [:], _ body: (KernelProcess, KernelClient) throws -> Void
) throws {
  try withTemporaryDirectory { directory in
    let kernel = try KernelProcess(in: directory, arguments, environment: environment)
    try body(kernel, try kernel.client())
  }
}

func withTemporaryDirectory<T>(_ body: (String) throws -> T) throws -> T {
  var template = Array("/tmp/fleet-lua-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw TestFailure(description: "mkdtemp failed") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { removeTree(path) }
  return try body(path)
}

private func removeTree(_ path: String) {
  guard let stream = opendir(path) else { return }
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name == "." || name == ".." { continue }
    if unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
  }
  closedir(stream)
  rmdir(path)
}

func write(_ text: String, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard descriptor >= 0 else { throw TestFailure(description: "cannot create \(path)") }
  defer { close(descriptor) }
  var text = text
  let isWritten = text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
  guard isWritten else { throw TestFailure(description: "cannot write \(path)") }
}

func contents(of path: String) -> String {
  guard let file = fopen(path, "r") else { return "" }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  while true {
    let byte = getc(file)
    if byte == EOF { return String(decoding: bytes, as: UTF8.self) }
    bytes.append(UInt8(truncatingIfNeeded: byte))
  }
}

/// Waits until the condition holds, looking every millisecond.
func eventually(_ what: String, within limit: Duration = .seconds(30), _ condition: () throws -> Bool) throws {
  let deadline = MonotonicTime.after(limit)
  while try !condition() {
    if deadline.isOver { throw TestFailure(description: "still not true: \(what)") }
    poll(nil, 0, 1)
  }
}

/// A display_data or update_display_data message.
struct Display: Equatable {
  var data: JSON
  var metadata: JSON = [:]
  var id: String?
  var isUpdate = false
}

/// What an execution showed.
struct Shown {
  var outcome = ExecuteReply.Outcome.aborted
  var count = 0
  var content: JSON = .null
  var result: String?
  /// The result in all its representations.
  var results: JSON = .null
  var displays: [Display] = []
  var stdout = ""
  var stderr = ""
  var errors: [KernelException] = []
  var kinds: [String] = []

  var error: KernelException? {
    if case .error(let exception) = outcome { exception } else { nil }
  }
}

extension KernelClient {
  func show(_ code: String, onOutput: (KernelOutput) -> Void = { _ in }, onInput: InputHandler? = nil) throws -> Shown {
    try show(ExecuteRequest(code), onOutput: onOutput, onInput: onInput)
  }

  func show(
    _ request: ExecuteRequest, onOutput: (KernelOutput) -> Void = { _ in }, onInput: InputHandler? = nil
  ) throws -> Shown {
    var shown = Shown()
    let reply = try execute(
      request, timeout: .seconds(60),
      onOutput: { output in
        switch output {
        case .stream("stderr", let text): shown.stderr += text
        case .stream(_, let text): shown.stdout += text
        case .result(let data, _, _):
          shown.results = data
          shown.result = data["text/plain"]?.string
        case .display(let data, let metadata, let transient, let isUpdate):
          shown.displays.append(
            .init(data: data, metadata: metadata, id: transient["display_id"]?.string, isUpdate: isUpdate))
        case .error(let exception): shown.errors.append(exception)
        default: break
        }
        shown.kinds.append(output.kind)
        onOutput(output)
      }, onInput: onInput)
    shown.outcome = reply.outcome
    shown.count = reply.count
    shown.content = reply.content
    return shown
  }

  /// The text of an expression's value.
  func value(_ code: String) throws -> String? { try show(code).result }
}

extension KernelOutput {
  var kind: String {
    switch self {
    case .stream: "stream"
    case .result: "result"
    case .display: "display"
    case .error: "error"
    case .clear: "clear"
    case .input: "input"
    case .status(let state): state
    case .other(let type, _): type
    }
  }
}
