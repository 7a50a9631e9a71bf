// What must be true for Python clients, checked by jupyter_client and jupyter_kernel_test on the real kernel.
import Glibc
import JupyterProtocol
import Testing

@Suite struct PythonTests {
  /// `FLEET_TEST_PYTHON`, else `.venv/bin/python` of the package.
  private static var python: String {
    get throws {
      let path = getenv("FLEET_TEST_PYTHON").map { String(cString: $0) } ?? packageDirectory + "/.venv/bin/python"
      guard access(path, X_OK) == 0 else {
        throw TestFailure(
          description: "\(path) is missing: run make deps, or set FLEET_TEST_PYTHON to a Python with jupyter_client "
            + "and jupyter_kernel_test")
      }
      return path
    }
  }

  static var packageDirectory: String {
    var path = #filePath
    for _ in 0..<3 { path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
    return path
  }

  /// Runs a script of `Python/` with a home of its own below the directory; its exit code and its output.
  static func run(_ script: String, _ arguments: [String] = [], in directory: String) throws -> (Int32, String) {
    let path = "\(packageDirectory)/Tests/LuaKernelTests/Python/\(script)"
    let process = try TestProcess(
      [try python, path] + arguments, output: directory + "/output",
      environment: [
        "JUPYTER_DATA_DIR": directory + "/data", "JUPYTER_RUNTIME_DIR": directory, "JUPYTER_CONFIG_DIR": directory,
        "IPYTHONDIR": directory,
        "FLEET_HOME": directory, "PYTHONDONTWRITEBYTECODE": "1",
      ])
    let code = try process.end(within: .seconds(180))
    return (code, contents(of: directory + "/output"))
  }

  @Test func jupyterClient() throws {
    try withTemporaryDirectory { directory in
      let kernel = try KernelProcess(in: directory)
      let (code, output) = try Self.run(
        "client_checks.py", [directory + "/kernel.json", "\(kernel.process.pid)"], in: directory)
      #expect(code == 0, "\(output)")
      #expect(try kernel.process.end() == 0)
    }
  }

  @Test func jupyterKernelTest() throws {
    try withTemporaryDirectory { directory in
      let (code, output) = try Self.run("kernel_test.py", [try KernelProcess.executable], in: directory)
      #expect(code == 0, "\(output)")
    }
  }
}
