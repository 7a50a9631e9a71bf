// iopub_welcome as a bare subscriber sees it.
import CZeroMQ
import Testing

@testable import JupyterProtocol

@Suite struct WelcomeTests {
  @Test func aSubscriberThatStopsReadingLosesWhileOthersGetAll() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    let context = try ZMQContext()
    let stuck = try ZMQSocket(.sub, in: context)
    try stuck.set(ZMQ_RCVHWM, 1)
    try stuck.set(ZMQ_RCVBUF, 4096)
    try stuck.set(ZMQ_SUBSCRIBE, Array("stream".utf8))
    try stuck.connect(kernel.connection.endpoint(.iopub))
    let client = try KernelClient(kernel.connection)
    var size = 0
    _ = try client.execute(ExecuteRequest("burst 1200"), timeout: .seconds(60)) { output in
      if case .stream(_, let text) = output { size += text.utf8.count }
    }
    #expect(size == 1200 * 16384)
    // With somebody stuck, the rest goes on at its usual speed.
    let start = MonotonicTime.now
    for _ in 0..<20 { _ = try client.execute(ExecuteRequest("print x"), timeout: .seconds(60)) }
    #expect(MonotonicTime.now < start + .seconds(10))
  }

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
