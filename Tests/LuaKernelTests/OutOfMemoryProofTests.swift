// Memory that runs out for real: the code fails, the kernel goes on.
import Glibc
import JupyterProtocol
import Testing

@Suite struct OutOfMemoryProofTests {
  /// The kernel under a limit of its address space, as `ulimit -v` sets it.
  private func withLimitedKernel(_ body: (KernelClient) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let file = directory + "/kernel.json"
      let command = "ulimit -v 262144; exec \"$0\" start --port 0 -f \"$1\""
      let process = try TestProcess(
        ["/bin/bash", "-c", command, try KernelProcess.executable, file], output: directory + "/log")
      try eventually("\(file) is written") { access(file, R_OK) == 0 }
      let client = try KernelClient(ConnectionFile(reading: file))
      try client.waitUntilReady(timeout: .seconds(30))
      try body(client)
      try client.shutdown(timeout: .seconds(30))
      #expect(try process.end() == 0)
    }
  }

  @Test(arguments: [
    "local t = {} for i = 1, 1e9 do t[i] = {} end", "kept = {} for i = 1, 1e9 do kept[i] = ('x'):rep(1000) .. i end",
    "local s = 'x' while true do s = s .. s end", "local t = {} while true do t = {t} end",
    "local c = {} while true do c[#c + 1] = coroutine.create(print) end",
  ])
  func endsTheCodeAndNotTheKernel(code: String) throws {
    try withLimitedKernel { client in
      let error = try client.show(code).error
      #expect(error?.name == "MemoryError" || error?.value.contains("not enough memory") == true)
      #expect(try client.show("kept = nil collectgarbage()").error == nil)
      #expect(try client.value("'alive'") == "alive")
      // Again, now that its memory has been used once.
      #expect(try client.show(code).error != nil)
      #expect(try client.value("6 * 7") == "42")
    }
  }
}
