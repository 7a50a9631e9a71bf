// Messages from frames, and where clients may connect to.
import NIOCore
import NIOWebSocket
import Testing

@testable import FleetServer

@Suite struct AssemblyTests {
  private func frame(
    _ opcode: WebSocketOpcode, _ text: String, fin: Bool = true, isMasked: Bool = true
  ) -> WebSocketFrame {
    let key: WebSocketMaskingKey = [1, 2, 3, 4]
    var data = ByteBuffer(string: text)
    if isMasked { data.webSocketMask(key) }
    return WebSocketFrame(fin: fin, opcode: opcode, maskKey: isMasked ? key : nil, data: data)
  }

  @Test func `fragments make a message, with a ping between them`() throws {
    var assembly = WebSocketAssembly(limit: 100)
    #expect(try assembly.add(frame(.text, "one ", fin: false)) == .nothing)
    #expect(try assembly.add(frame(.ping, "p")) == .ping(ByteBuffer(string: "p")))
    #expect(try assembly.add(frame(.continuation, "two ", fin: false)) == .nothing)
    #expect(try assembly.add(frame(.continuation, "three")) == .message(Array("one two three".utf8), isText: true))
    #expect(try assembly.add(frame(.binary, "x")) == .message(Array("x".utf8), isText: false))
    #expect(try assembly.add(frame(.binary, "", fin: false)) == .nothing)
    #expect(try assembly.add(frame(.continuation, "")) == .message([], isText: false))
  }

  @Test func `the limit is that of the message, however many frames it has`() throws {
    var assembly = WebSocketAssembly(limit: 10)
    #expect(try assembly.add(frame(.binary, "123456", fin: false)) == .nothing)
    #expect(throws: WebSocketViolation(.tooLarge, "a message has more than 10 bytes")) {
      try assembly.add(frame(.continuation, "78901", fin: false))
    }
  }

  @Test func `targets of channels`() {
    let id = "11111111-2222-4333-8444-555555555555"
    let path = "/api/kernels/\(id)/channels"
    #expect(ChannelsTarget(uri: path)?.session == nil)
    #expect(ChannelsTarget(uri: path)?.kernel == id)
    #expect(ChannelsTarget(uri: path + "?session_id=a%20b&token=t")?.session == "a b")
    #expect(ChannelsTarget(uri: path + "?token=t&session_id=")?.session == nil)
    #expect(ChannelsTarget(uri: path + "?session_id=%zz")?.session == nil)
    #expect(ChannelsTarget(uri: path + "?session_id=%ff")?.session == nil)
    #expect(ChannelsTarget(uri: path + "?session_id=" + String(repeating: "x", count: 300))?.session == nil)
    for other in [
      "/", "", path + "/", "/x" + path, "/api/kernels/\(id)", "/api/kernels/x/channels", "//api/kernels/\(id)/channels",
    ] {
      #expect(ChannelsTarget(uri: other) == nil, "\(other)")
    }
  }
}
