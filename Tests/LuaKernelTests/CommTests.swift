// Comms and passwords, as jupyter_client sees them.
import Testing

@Suite struct CommTests {
  @Test func commsAndPasswordsWithJupyterClient() throws {
    try withTemporaryDirectory { directory in
      let (code, output) = try PythonTests.run(
        "comm_checks.py", [try KernelProcess.executable, directory + "/prefix"], in: directory)
      #expect(code == 0, "\(output)")
    }
  }
}
