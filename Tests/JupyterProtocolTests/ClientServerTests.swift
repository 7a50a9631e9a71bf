// The client against the server, in one process and over real sockets.
import CZeroMQ
import Glibc
import JSON
import Testing

@testable import JupyterProtocol

@Suite struct ClientServerTests {
  private func with(
    _ connection: ConnectionFile = .make(basePort: 0, key: UniqueID.key()), interruptTakes: Int32 = 0,
    _ body: (TestKernel, KernelClient) throws -> Void
  ) throws {
    let kernel = try TestKernel(connection, interruptTakes: interruptTakes)
    defer { kernel.stop() }
    let client = try KernelClient(kernel.connection)
    try client.waitUntilReady(timeout: .seconds(20))
    try body(kernel, client)
  }

  private func run(_ client: KernelClient, _ code: String) throws -> (ExecuteReply, [KernelOutput]) {
    var outputs: [KernelOutput] = []
    let reply = try client.execute(ExecuteRequest(code), timeout: .seconds(20)) { outputs.append($0) }
    return (reply, outputs)
  }

  @Test func firstOutputsAreNotLost() throws {
    for _ in 0..<20 {
      try with { _, client in
        let (reply, outputs) = try run(client, "print hello")
        #expect(reply.outcome == .ok)
        #expect(outputs == [.status("busy"), .stream(name: "stdout", text: "hello"), .status("idle")])
      }
    }
  }

  @Test func streamsResultsAndErrors() throws {
    try with { _, client in
      #expect(try run(client, "stderr é").1.contains(.stream(name: "stderr", text: "é")))
      let (result, outputs) = try run(client, "value 42")
      #expect(result.count == 2)
      #expect(outputs[1] == .result(data: ["text/plain": "42"], metadata: [:], count: 2))
      let (failed, _) = try run(client, "error no such word")
      guard case .error(let exception) = failed.outcome else { throw TestFailure(description: "no error") }
      #expect(exception.value == "no such word")
      #expect(exception.traceback == ["line 1"])
    }
  }

  @Test func aFloodArrivesCompleteAndInOrder() throws {
    try with { _, client in
      var text = ""
      _ = try client.execute(ExecuteRequest("flood 50000"), timeout: .seconds(60)) {
        if case .stream(_, let part) = $0 { text += part }
      }
      #expect(text == (0..<50000).map { "line \($0)\n" }.joined())
    }
  }

  @Test func interruptFromAnotherThread() throws {
    try with { _, client in
      let interruption = client.interruption
      var isInterrupting = false
      let reply = try client.execute(ExecuteRequest("wait"), timeout: .seconds(20)) {
        if $0 == .status("busy"), !isInterrupting {
          isInterrupting = true
          interruption.signal()
        }
      }
      guard case .error = reply.outcome else { throw TestFailure(description: "the wait was not interrupted") }
    }
  }

  /// Runs code that asks for a line and is interrupted as it gets one, so that it ends by itself.
  private func runInterruptedAtItsEnd(_ client: KernelClient) throws -> ExecuteReply {
    try client.execute(
      ExecuteRequest("ask name?"), timeout: .seconds(20),
      onInput: { _, _ in
        client.interruption.signal()
        return "Ada"
      })
  }

  /// An interrupt reaches whatever the kernel executes when it arrives, so an execution is over only when its own has.
  @Test func anInterruptOfCodeThatEndsByItselfReachesNothingElse() throws {
    try with(interruptTakes: 50) { kernel, client in
      let reply = try runInterruptedAtItsEnd(client)
      #expect(reply.outcome == .ok)
      #expect(kernel.interrupts == 1)
    }
  }

  @Test func aSignalAtTheEndOfAnExecutionIsNotMeantForTheNext() throws {
    try with { kernel, client in
      for _ in 0..<20 {
        _ = try client.execute(ExecuteRequest("value 1"), timeout: .seconds(20)) {
          if $0 == .status("idle") { client.interruption.signal() }
        }
        let before = kernel.interrupts
        #expect(try run(client, "value 2").0.outcome == .ok)
        #expect(kernel.interrupts == before)
      }
    }
  }

  @Test func aKernelThatDoesNotAnswerInterruptsIsNotWaitedForLong() throws {
    try with(interruptTakes: -1) { _, client in
      let reply = try runInterruptedAtItsEnd(client)
      #expect(reply.outcome == .ok)
    }
  }

  @Test func whoIsInterruptedWhileOutputsComeWithoutEndStops() throws {
    try with { kernel, client in
      var isSignalled = false
      let reply = try client.execute(ExecuteRequest("endless"), timeout: .seconds(60)) {
        guard case .stream = $0, kernel.interrupts == 0 else { return }
        if !isSignalled { client.interruption.signal() }
        isSignalled = true
        usleep(1000)  // slower than they come
      }
      #expect(reply.outcome == .ok && kernel.interrupts == 1)
    }
  }

  @Test func input() throws {
    try with { _, client in
      var prompts: [String] = []
      var text = ""
      _ = try client.execute(
        ExecuteRequest("ask name?"), timeout: .seconds(20),
        onOutput: { if case .stream(_, let part) = $0 { text += part } },
        onInput: { prompt, _ in
          prompts.append(prompt)
          return "Ada"
        })
      #expect(prompts == ["name?"])
      #expect(text == "Ada")
    }
  }

  /// What nobody waits for any more, such as an answer that came too late, is not the reply to the code that asks.
  @Test func whoIsAskedKnowsWhetherHeStillIs() throws {
    try with { _, client in
      for _ in 0..<20 {
        _ = try? client.request("kernel_info_request", timeout: .zero)
        var looks = 0
        var text = ""
        let reply = try client.execute(
          ExecuteRequest("ask name?"), timeout: .seconds(20),
          onOutput: { if case .stream(_, let part) = $0 { text += part } },
          onInput: { _, _ in
            while looks < 3 {
              guard client.isStillAsked() else { return nil }
              looks += 1
              usleep(2000)
            }
            return "Ada"
          })
        #expect(reply.outcome == .ok && looks == 3 && text == "Ada")
      }
      #expect(!client.isStillAsked())
    }
  }

  @Test func heartbeatAndControlAreAnsweredWhileCodeRuns() throws {
    try with { kernel, client in
      let other = try KernelClient(kernel.connection)
      var answers: [Bool] = []
      _ = try client.execute(ExecuteRequest("wait"), timeout: .seconds(20)) {
        guard $0 == .status("busy"), answers.isEmpty else { return }
        answers.append((try? other.heartbeat(timeout: .seconds(10))) ?? false)
        answers.append((try? other.interrupt(timeout: .seconds(10))) != nil)
      }
      #expect(answers == [true, true])
    }
  }

  @Test func nothingMalformedEndsTheServer() throws {
    try with { kernel, client in
      let context = try ZMQContext()
      var random = Seeded(seed: 7)
      for channel in ConnectionFile.Channel.allCases where channel != .iopub {
        let socket = try ZMQSocket(.dealer, in: context)
        try socket.connect(kernel.connection.endpoint(channel))
        for _ in 0..<200 {
          let frames: Frames = (0..<Int.random(in: 1...9, using: &random)).map { _ in
            Bool.random(using: &random)
              ? JupyterMessage.delimiter
              : (0..<Int.random(in: 0...50, using: &random)).map { _ in .random(in: .min ... .max, using: &random) }
          }
          try socket.send(frames)
        }
        let stranger = MessageSession(key: "not the key")
        try socket.send(
          stranger.frames(stranger.header("shutdown_request"), content: Array(#"{"restart":false}"#.utf8)))
        try socket.set(ZMQ_LINGER, 5000)
      }
      try eventually("the forged requests were refused") {
        kernel.problems.seen.withLock { $0.filter { $0 == .badSignature }.count >= 2 }
      }
      #expect(try run(client, "value 1").0.outcome == .ok)
      #expect(try client.heartbeat())
    }
  }

  @Test func aKernelThatEndsIsNoticed() throws {
    let kernel = try TestKernel()
    let client = try KernelClient(kernel.connection)
    try client.waitUntilReady(timeout: .seconds(20))
    #expect(throws: KernelClientError.disconnected) {
      // The test kernel ends by itself, without a reply, when it is stopped while it waits.
      _ = try client.execute(ExecuteRequest("quit"), timeout: .seconds(20))
    }
    kernel.stop()
  }

  @Test func portsInUseAreSaid() throws {
    try with { kernel, _ in
      let error = #expect(throws: ZMQError.self) { try TestKernel(kernel.connection) }
      #expect(error?.isAddressInUse == true)
      #expect(error?.description == "cannot listen on \(kernel.connection.endpoint(.shell)): Address already in use")
    }
  }

  @Test func unixSockets() throws {
    try withTemporaryDirectory { directory in
      let connection = ConnectionFile.make(ip: directory + "/k", basePort: 1, key: "k", transport: .ipc)
      try with(connection) { _, client in
        let reply = try run(client, "value 1").0
        #expect(reply.outcome == .ok)
      }
    }
  }

  @Test func asyncConnection() async throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    let connection = try await KernelConnection(kernel.connection)
    let reply = try await connection.perform { client in
      try client.execute(ExecuteRequest("value 5"), timeout: .seconds(20)).count
    }
    #expect(reply == 1)
    let outcome = try await connection.perform { client in
      try client.execute(ExecuteRequest("wait"), timeout: .seconds(20)) { output in
        if output == .status("busy") { connection.interrupt() }
      }.outcome
    }
    guard case .error = outcome else { throw TestFailure(description: "the wait was not interrupted") }
  }
}
