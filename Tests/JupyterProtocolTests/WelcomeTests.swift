// iopub_welcome as a bare subscriber sees it.
import CZeroMQ
import Testing

@testable import JupyterProtocol

@Suite struct WelcomeTests {
  @Test func eachSubscriptionIsWelcomedOnItsTopicAndSigned() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    let context = try ZMQContext()
    for topic in ["", "kernel.", "stream.stdout", "kernel."] {
      let socket = try ZMQSocket(.sub, in: context)
      try socket.set(ZMQ_SUBSCRIBE, Array(topic.utf8))
      try socket.connect(kernel.connection.endpoint(.iopub))
      var poller = ZMQPoller()
      poller.add(socket)
      #expect(try poller.wait(until: .after(.seconds(20))))
      let frames = try #require(try socket.receive())
      let message = try MessageSession(key: kernel.connection.key).parse(frames)
      #expect(message.type == "iopub_welcome")
      #expect(message.content == ["subscription": .string(topic)])
      #expect(message.identities == [Array(topic.utf8)])
      #expect(message.parent == nil)
    }
  }
}
