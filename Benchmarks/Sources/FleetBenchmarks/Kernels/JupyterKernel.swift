// Kernels that are started by their connection file alone: ours, and those that it is compared with.
import Foundation
import JupyterProtocol

/// How to start a kernel.
struct JupyterKernel {
  let name: String
  /// With `{connection_file}` in it.
  let command: [String]
  /// Code that prints so many lines, and code that prints `runs` and never ends.
  let printing: @Sendable (Int) -> String
  let looping: String

  static func ours(_ executables: Executables) -> JupyterKernel {
    lua("fleet-kernel", [executables.kernel, "start", "-f", "{connection_file}"])
  }

  /// ilua and ipykernel in the Python that FLEET_BENCH_PYTHON names, else in that of `Benchmarks/.venv`.
  static func others() throws -> (ilua: JupyterKernel, ipykernel: JupyterKernel) {
    let python = try python()
    let ipykernel = JupyterKernel(
      name: "ipykernel", command: [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
      printing: { "for i in range(\($0)): print(i)" }, looping: "print('runs', flush=True)\nwhile True: pass")
    return (lua("ilua", [python, "-m", "ilua.app", "-c", "{connection_file}"]), ipykernel)
  }

  /// An interpreter with ilua, ipykernel and Jupyter Server.
  static func python() throws -> String {
    let python =
      ProcessInfo.processInfo.environment["FLEET_BENCH_PYTHON"] ?? packageDirectory + "/.venv/bin/python"
    guard access(python, X_OK) == 0 else {
      throw Failure("there is no \(python) with ilua, ipykernel and jupyter_server; scripts/deps bench makes it")
    }
    return python
  }

  private static func lua(_ name: String, _ command: [String]) -> JupyterKernel {
    JupyterKernel(
      name: name, command: command, printing: { "for i = 1, \($0) do print(i) end" },
      looping: "print('runs') while true do end")
  }

  private static var packageDirectory: String {
    var path = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { path.deleteLastPathComponent() }
    return path.path
  }
}

/// A kernel that runs, and a client of it.
final class RunningKernel {
  let kernel: JupyterKernel
  let client: KernelClient
  /// From the start of the process to `kernel_info_reply`.
  let startTime: Duration
  private let child: Child

  init(_ kernel: JupyterKernel, in directory: String) throws {
    self.kernel = kernel
    let connection = ConnectionFile.make(
      basePort: FreePorts.base(count: 5), key: UniqueID.key(), kernelName: kernel.name)
    let file = "\(directory)/\(UniqueID.uuid()).json"
    try connection.write(to: file)
    let start = ContinuousClock.now
    child = try Child(
      kernel.command.map { $0 == "{connection_file}" ? file : $0 },
      environment: ["FLEET_HOME": directory, "IPYTHONDIR": directory], output: "\(directory)/\(kernel.name).log")
    client = try KernelClient(connection, reconnect: .eager)
    _ = try client.kernelInfo(timeout: .seconds(60))
    startTime = ContinuousClock.now - start
  }

  /// Of the process and of those that it started.
  func privateMemory() throws -> Double {
    try ProcessUse.withDescendants(child.pid).reduce(0) { try $0 + ProcessUse.privateMemory(of: $1) }
  }

  func end() {
    let all = ProcessUse.withDescendants(child.pid)
    child.kill()
    for pid in all.dropFirst() { kill(pid, SIGKILL) }
  }

  /// - Returns: the lines of standard output.
  @discardableResult
  func execute(_ code: String, onOutput: (KernelOutput) -> Void = { _ in }) throws -> Int {
    var lines = 0
    let reply = try client.execute(
      ExecuteRequest(code), timeout: .seconds(300),
      onOutput: { output in
        if case .stream(_, let text) = output { lines += text.utf8.count { $0 == UInt8(ascii: "\n") } }
        onOutput(output)
      })
    if case .aborted = reply.outcome { throw Failure("\(kernel.name) aborted \(code)") }
    return lines
  }
}

extension ProcessUse {
  /// A process and all below it, itself first.
  static func withDescendants(_ pid: Int32) -> [Int32] {
    let path = "/proc/\(pid)/task/\(pid)/children"
    let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return [pid] + text.split(separator: " ").compactMap { Int32($0) }.flatMap { withDescendants($0) }
  }
}
