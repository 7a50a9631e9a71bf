// Stopping what runs, ending the kernel, and what is answered meanwhile.
import Glibc
import JSON
import JupyterProtocol
import Testing

@Suite struct InterruptionTests {
  @Test(arguments: [
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local c = coroutine.wrap(function() while true do end end) c()",
    "repeat local ok = xpcall(function() error('x') end, function() while true do end end) until false",
    "setmetatable({}, {__close = function() while true do end end}) while true do local x <close> = nil end",
  ])
  func loopsStop(code: String) throws {
    try withKernel { _, client in
      let shown = try client.show("print('runs') " + code) { output in
        if case .stream = output { client.interruption.signal() }
      }
      #expect(shown.error?.name == "Interrupted")
      #expect(try client.value("'alive'") == "alive")
    }
  }

  @Test func signalsInterruptToo() throws {
    try withKernel { kernel, client in
      let shown = try client.show("print('runs') while true do end") { output in
        if case .stream = output { kernel.process.signal(SIGINT) }
      }
      #expect(shown.error?.name == "Interrupted")
    }
  }

  @Test func anInterruptWhenNothingRunsIsHarmless() throws {
    try withKernel { kernel, client in
      try client.interrupt(timeout: .seconds(30))
      kernel.process.signal(SIGINT)
      // Not before the kernel has seen it, for then it would be meant for what comes next.
      try eventually("SIGINT has arrived") {
        let pending = contents(of: "/proc/\(kernel.process.pid)/status").split(separator: "\n")
          .filter { $0.hasPrefix("SigPnd:") || $0.hasPrefix("ShdPnd:") }
        return pending.count == 2 && pending.allSatisfy { $0.hasSuffix("0000000000000000") }
      }
      for _ in 0..<20 {
        try client.interrupt(timeout: .seconds(30))
        #expect(try client.value("1 + 1") == "2")
      }
    }
  }

  @Test func heartbeatAndControlAreAnsweredWhileCodeRuns() throws {
    try withKernel { kernel, client in
      let other = try KernelClient(kernel.connection)
      var answers: [String] = []
      _ = try client.show("print('runs') while true do end") { output in
        guard case .stream = output else { return }
        do {
          if try other.heartbeat(timeout: .seconds(30)) { answers.append("heartbeat") }
          let info = try other.request("kernel_info_request", on: .control, timeout: .seconds(30))
          answers.append(info["implementation"]?.string ?? "")
          try other.interrupt(timeout: .seconds(30))
        } catch {
          answers.append("\(error)")
        }
      }
      #expect(answers == ["heartbeat", "fleet-kernel"])
    }
  }

  @Test func inputCanBeAskedForAndInterrupted() throws {
    try withKernel { _, client in
      let shown = try client.show(
        "name = io.read() rest = io.read('n') print(name, rest + 1, io.read('l'))",
        onInput: { _, _ in "Ada" })
      #expect(shown.error != nil)  // "Ada" is no number
      var lines = ["Ada", "41", "end"]
      let second = try client.show(
        "print(io.read(), io.read('n') + 1, io.read('l'), io.read('L'))",
        onInput: { _, _ in lines.isEmpty ? nil : lines.removeFirst() })
      #expect(second.stdout == "Ada\t42\t\tend\n\n")
      #expect(try client.show("io.read('a')", onInput: { _, _ in nil }).result == "")
      #expect(try client.show("io.read()").error?.value.contains("cannot be asked") == true)
      let stopped = try client.show(
        "print('asks') pcall(io.read) print('never')",
        onInput: { _, _ in
          client.interruption.signal()
          return "late"
        })
      #expect(stopped.outcome == .ok || stopped.error?.name == "Interrupted")
      #expect(try client.value("'alive'") == "alive")
    }
  }

  /// Code is compiled as an expression first, and then as statements.
  @Test func anInterruptWhileCodeIsCompiledCounts() throws {
    try withKernel { _, client in
      var request = ExecuteRequest(
        "tostring{" + String(repeating: "1,", count: 1_000_000) + "} while true do end")
      request.silent = true  // so that compiling it is the first that is done
      let shown = try client.show(request) { output in
        if output == .status("busy") { client.interruption.signal() }
      }
      #expect(shown.error?.name == "Interrupted")
      #expect(try client.value("'alive'") == "alive")
    }
  }

  @Test func queuedRequestsOfTheSameClientAreAborted() throws {
    try withKernel { kernel, client in
      let queue = try RawClient(kernel.connection)
      let neighbour = try RawClient(kernel.connection)
      // Fails only when all have been sent.
      let flag = kernel.log + ".flag"
      let first = "repeat local file = io.open('\(flag)') until file error('first')"
      let ids = try [first, "x = 1", "x = 2"].map { try queue.execute($0) }
      let id = try neighbour.execute("y = 1")
      try write("", to: flag)
      #expect(try queue.replies(3).map { $0.parent?.id } == ids)
      #expect(queue.statuses == ["error", "aborted", "aborted"])
      #expect(try neighbour.replies(1).first?.parent?.id == id)
      #expect(neighbour.statuses == ["ok"])
      #expect(try client.value("x") == "nil")
      _ = try queue.execute("error('again')", stopOnError: false)
      _ = try queue.execute("x = 3")
      _ = try queue.replies(5)
      #expect(queue.statuses.suffix(2) == ["error", "ok"])
    }
  }

  @Test func shutdownWhileCodeRuns() throws {
    try withKernel { kernel, client in
      let other = try KernelClient(kernel.connection)
      var isAsked = false
      #expect(throws: Never.self) {
        _ = try client.show("print('runs') while true do end") { output in
          if case .stream = output, !isAsked {
            isAsked = true
            try? other.shutdown(timeout: .seconds(30))
          }
        }
      }
      #expect(try kernel.process.end() == 0)
    }
  }

  @Test func shutdownOnShellAndSIGTERM() throws {
    try withKernel { kernel, client in
      let reply = try client.request("shutdown_request", ["restart": true], timeout: .seconds(30))
      #expect(reply == ["status": "ok", "restart": true])
      #expect(try kernel.process.end() == 0)
    }
    try withKernel { kernel, _ in
      kernel.process.signal(SIGTERM)
      let code = try kernel.process.end()
      #expect(code == 0)
    }
  }

  @Test(arguments: [("os.exit()", Int32(0)), ("os.exit(3)", 3), ("os.exit(false)", 1), ("pcall(os.exit, 7)", 7)])
  func osExitEndsTheKernel(code: String, expected: Int32) throws {
    try withKernel { kernel, client in
      let shown = try client.show(code + " print('never')")
      #expect(shown.outcome == .ok)
      #expect(shown.stdout == "")
      #expect(shown.content["payload"]?[0]?["source"] == "ask_exit")
      #expect(try kernel.process.end() == expected)
    }
  }
}
