// Random, truncated, wrongly signed and replayed messages on every channel: the kernel answers the next good one.
// FLEET_SEED replays a run, FLEET_FUZZ_MESSAGES sets how many there are for each channel.
import Glibc
import JSON
import JupyterProtocol
import Testing

@Suite struct FuzzTests {
  private static func number(_ variable: String) -> UInt64? { getenv(variable).flatMap { UInt64(String(cString: $0)) } }

  private let seed = FuzzTests.number("FLEET_SEED") ?? .random(in: 0...UInt64(UInt32.max))
  private let messages = Int(FuzzTests.number("FLEET_FUZZ_MESSAGES") ?? 1000)

  private static let types: [ConnectionFile.Channel: String] = [
    .shell: "DEALER", .control: "DEALER", .stdin: "DEALER", .heartbeat: "REQ", .iopub: "SUB",
  ]

  @Test func goodMessagesAreAnsweredWhateverElseArrives() throws {
    print("messages to a kernel: FLEET_SEED=\(seed)")
    try withKernel { kernel, client in
      var hostile = HostileMessages(seed: seed, key: kernel.connection.key)
      // Stays: what a peer sends just before it goes may be lost.
      let regular = try RawPeer(port: kernel.connection.shellPort)
      regular.greet(as: "DEALER")
      var left = Dictionary(uniqueKeysWithValues: Self.types.keys.map { ($0, messages) })
      while let channel = left.keys.sorted(by: { $0.rawValue < $1.rawValue }).randomElement(using: &hostile.numbers) {
        let sent = try send(&hostile, to: kernel, channel, atMost: left[channel] ?? 0)
        left[channel] = left[channel].flatMap { $0 > sent ? $0 - sent : nil }
        if hostile.number(0...3) == 0 { regular.send(hostile.regular()) }
        if hostile.number(0...9) == 0 { try check(kernel, client) }
      }
      try settle(kernel, client)
      #expect(try client.value(HostileMessages.counter) == "\(hostile.played)", "seed \(seed)")
      for channel in [ConnectionFile.Channel.control, .shell, .stdin] {
        let peer = try RawPeer(port: kernel.connection[channel])
        peer.greet(as: "DEALER")
        peer.send(hostile.replays)
        try peer.finish()
      }
      try settle(kernel, client)
      #expect(try client.value(HostileMessages.counter) == "\(hostile.played)", "seed \(seed)")
      #expect(try client.value(HostileMessages.mark) == "nil", "seed \(seed)")
      try end(kernel, client)
    }
  }

  @Test func aQuestionGetsItsAnswerWhateverElseArrives() throws {
    print("answers to a kernel: FLEET_SEED=\(seed)")
    try withKernel { kernel, client in
      var hostile = HostileMessages(seed: seed, key: kernel.connection.key)
      for round in 1...5 {
        let shown = try client.show(
          "print(io.read())",
          onInput: { _, _ in
            var left = messages / 5
            while left > 0, let sent = try? send(&hostile, to: kernel, .stdin, atMost: left) { left -= sent }
            return left == 0 ? "Ada \(round)" : "the kernel does not listen"
          })
        #expect(shown.stdout == "Ada \(round)\n", "seed \(seed)")
      }
      try end(kernel, client)
    }
  }

  /// Sends some messages through one connection.
  /// - Returns: how many.
  private func send(
    _ hostile: inout HostileMessages, to kernel: KernelProcess, _ channel: ConnectionFile.Channel, atMost limit: Int
  ) throws -> Int {
    guard let peer = try? RawPeer(port: kernel.connection[channel]) else {
      let code = try kernel.process.end()
      throw TestFailure(description: "the kernel has ended with \(code), seed \(seed)\n\(contents(of: kernel.log))")
    }
    if hostile.number(0...19) == 0 {
      peer.send(hostile.bytes(1...500))
      try peer.finish()
      return 1
    }
    peer.greet(as: Self.types[channel] ?? "")
    var sent = 0
    for _ in 0..<min(limit, hostile.number(1...40)) {
      let (bytes, endsConnection) = hostile.next(on: channel)
      peer.send(bytes)
      sent += 1
      if endsConnection { break }
    }
    try peer.finish()
    return sent
  }

  private func check(_ kernel: KernelProcess, _ client: KernelClient) throws {
    #expect(try client.value("6 * 7") == "42", "seed \(seed)")
    for channel in [KernelClient.RequestChannel.shell, .control] {
      let info = try client.request("kernel_info_request", on: channel, timeout: .seconds(60))
      #expect(info["implementation"] == "fleet-kernel", "seed \(seed)")
    }
    #expect(try client.heartbeat(timeout: .seconds(60)), "seed \(seed)")
  }

  /// Waits until the kernel has dealt with all that was sent: clients take turns, and none sent more than 40 messages.
  private func settle(_ kernel: KernelProcess, _ client: KernelClient) throws {
    for _ in 0..<50 { try check(kernel, client) }
  }

  /// Ends the kernel, and looks for what a sanitizer may have to say.
  private func end(_ kernel: KernelProcess, _ client: KernelClient) throws {
    try client.shutdown(timeout: .seconds(60))
    #expect(try kernel.process.end() == 0, "seed \(seed)")
    let log = contents(of: kernel.log)
    #expect(!log.contains("Sanitizer") && !log.contains("runtime error"), "seed \(seed)\n\(log)")
  }
}
