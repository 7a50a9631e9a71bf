// The installed kernel without any fleet: the protocol in full, notebooks and the console, by Jupyter's own clients.
import Testing

@Suite struct ProtocolProofTests {
  private func check(_ script: String, _ more: [String] = []) throws {
    try withTemporaryDirectory { directory in
      let (code, output) = try PythonTests.run(
        script, [try KernelProcess.executable, directory + "/prefix"] + more, in: directory)
      #expect(code == 0, "\(output)")
    }
  }

  @Test func protocolWithJupyterClient() throws { try check("protocol_checks.py") }

  @Test func exampleWithNbclientAndPapermill() throws {
    try check("notebook_checks.py", [PythonTests.packageDirectory + "/examples/lua-kernel.ipynb"])
  }

  @Test func jupyterConsole() throws { try check("console_checks.py") }
}
