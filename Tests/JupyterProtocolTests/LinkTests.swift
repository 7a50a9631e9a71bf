// Links of the wire thread: what clients send and what they get, against kernels in this process.
import JSON
import Synchronization
import Testing

@testable import JupyterProtocol

@Suite struct LinkTests {
  private final class Receiver: KernelLinkReceiver {
    struct Heard {
      var messages: [RawMessage] = []
      var wantsHold = false
      var holds = 0
      var failures: [ZMQError] = []
    }

    let heard = Mutex(Heard())

    func received(_ messages: [RawMessage]) -> Bool {
      heard.withLock { heard in
        heard.messages += messages
        return heard.wantsHold
      }
    }

    func holdIsOver() -> Bool {
      heard.withLock { heard in
        heard.holds += 1
        return heard.wantsHold
      }
    }

    func failed(_ error: ZMQError) { heard.withLock { $0.failures.append(error) } }

    func types(answering id: String) -> [String] {
      heard.withLock { $0.messages.filter { $0.parentFields?.id == id }.map(\.fields.type) }
    }
  }

  private final class Sender: KernelLinkSender {
    let bytes = Atomic<Int>(0)
    func taken(bytes: Int) { self.bytes.add(bytes, ordering: .relaxed) }
  }

  private func with(_ body: (Wire, Receiver) throws -> Void) throws {
    let wire = try Wire { _ in }
    defer { wire.stop() }
    try body(wire, Receiver())
  }

  private func request(
    _ code: String, _ session: MessageSession, channel: ConnectionFile.Channel = .shell
  ) -> RawMessage {
    let content: JSON = ["code": .string(code), "silent": false, "allow_stdin": true]
    return RawMessage(session.header("execute_request"), channel: channel, content: content)
  }

  private func send(_ message: RawMessage, _ wire: Wire, _ kernel: TestKernel, from sender: Sender? = nil) {
    let signer = Signer(key: kernel.connection.key)
    wire.send(message.frames(signer), link: 1, message.channel, from: sender, bytes: 100)
  }

  @Test func `a request that is sent at once loses no output, time after time`() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    let session = MessageSession(key: kernel.connection.key)
    for _ in 0..<30 {
      try with { wire, receiver in
        let message = request("print hello", session)
        wire.openLink(1, kernel.connection, receiver)
        send(message, wire, kernel)
        try eventually("everything about the request") {
          Set(receiver.types(answering: message.fields.id)).isSuperset(of: ["status", "stream", "execute_reply"])
            && receiver.types(answering: message.fields.id).count { $0 == "status" } == 2
        }
        #expect(receiver.heard.withLock { $0.messages.allSatisfy { $0.fields.type != "iopub_welcome" } })
      }
    }
  }

  @Test func `what is sent before the kernel is there arrives when it is`() throws {
    let placeholder = try TestKernel()
    let connection = placeholder.connection
    placeholder.stop()
    try with { wire, receiver in
      let session = MessageSession(key: connection.key)
      let message = request("value 7", session)
      let sender = Sender()
      wire.openLink(1, connection, receiver)
      wire.send(message.frames(Signer(key: connection.key)), link: 1, .shell, from: sender, bytes: 100)
      let kernel = try TestKernel(connection)
      defer { kernel.stop() }
      try eventually("the reply") { receiver.types(answering: message.fields.id).contains("execute_reply") }
      #expect(receiver.types(answering: message.fields.id).contains("execute_result"))
      #expect(sender.bytes.load(ordering: .relaxed) == 100)
    }
  }

  @Test func `the kernel's question is answered`() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    try with { wire, receiver in
      let session = MessageSession(key: kernel.connection.key)
      let message = request("ask name?", session)
      wire.openLink(1, kernel.connection, receiver)
      send(message, wire, kernel)
      try eventually("the question") { receiver.types(answering: message.fields.id).contains("input_request") }
      send(
        RawMessage(session.header("input_reply"), channel: .stdin, content: ["value": "alice", "status": "ok"]), wire,
        kernel)
      try eventually("the answer's output") {
        receiver.heard.withLock { heard in
          heard.messages.contains {
            $0.fields.type == "stream" && String(decoding: $0.content, as: UTF8.self).contains("alice")
          }
        }
      }
    }
  }

  @Test func `a flood is held back while the receiver wants it, and nothing of it is lost`() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    try with { wire, receiver in
      let session = MessageSession(key: kernel.connection.key)
      receiver.heard.withLock { $0.wantsHold = true }
      wire.openLink(1, kernel.connection, receiver)
      // Less than the queues on the way hold, so that the kernel does not lose patience.
      let message = request("burst 400", session)
      send(message, wire, kernel)
      try eventually("a hold that is renewed") { receiver.heard.withLock { $0.holds >= 2 } }
      let early = receiver.types(answering: message.fields.id).count { $0 == "stream" }
      #expect(early < 400)
      receiver.heard.withLock { $0.wantsHold = false }
      wire.resume(1)
      try eventually("the end of the flood") {
        receiver.types(answering: message.fields.id).count { $0 == "status" } == 2
      }
      let text = receiver.heard.withLock { heard in
        heard.messages.filter { $0.fields.type == "stream" }.reduce(0) { $0 + $1.content.count { $0 == 0x78 } }
      }
      #expect(text >= 400 * 16_383)
    }
  }

  @Test func `messages with a wrong signature are not passed on`() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    try with { wire, receiver in
      var connection = kernel.connection
      connection.key = UniqueID.key()
      wire.openLink(1, connection, receiver)
      // The kernel refuses it, and what the kernel says to others is not what this link may believe.
      let session = MessageSession(key: connection.key)
      wire.send(request("value 1", session).frames(Signer(key: connection.key)), link: 1, .shell)
      let client = try KernelClient(kernel.connection)
      _ = try client.execute(ExecuteRequest("value 2"), timeout: .seconds(20))
      try eventually("the kernel to refuse it") { kernel.problems.seen.withLock { !$0.isEmpty } }
      #expect(receiver.heard.withLock { $0.messages.isEmpty })
    }
  }

  @Test func `a link that is closed gives back what was not sent`() throws {
    let placeholder = try TestKernel()
    let connection = placeholder.connection
    placeholder.stop()
    try with { wire, receiver in
      let sender = Sender()
      let session = MessageSession(key: connection.key)
      wire.openLink(1, connection, receiver)
      for _ in 0..<50 {
        wire.send(request("x", session).frames(Signer(key: connection.key)), link: 1, .shell, from: sender, bytes: 10)
      }
      wire.closeLink(1)
      wire.send(request("x", session).frames(Signer(key: connection.key)), link: 1, .shell, from: sender, bytes: 10)
      try eventually("all of it to be given back") { sender.bytes.load(ordering: .relaxed) == 510 }
    }
  }
}
