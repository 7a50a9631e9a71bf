// How messages look in WebSockets: two forms, of which the client chooses one.
import JupyterProtocol
import NIOCore

/// <https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html>
enum WebSocketFraming: Int, Sendable {
  /// Text, or binary for messages with buffers: what clients speak that name no protocol.
  case legacy
  /// `v1.kernel.websocket.jupyter.org`: binary always, and no JSON around the message's own.
  case v1

  static let v1Name = "v1.kernel.websocket.jupyter.org"

  /// Each part is a frame of its own on the way to the kernel, on the thread that serves all kernels.
  private static let mostParts = 4096

  static func check(parts count: Int) throws(WebSocketViolation) {
    if count > mostParts { throw WebSocketViolation(.tooLarge, "a message has more than \(mostParts) parts") }
  }

  /// What a client sent in one message.
  /// - Throws: `WebSocketViolation`.
  func decode(_ data: [UInt8], isText: Bool) throws(WebSocketViolation) -> RawMessage {
    switch self {
    case .legacy: return isText ? try LegacyFraming.decode(text: data) : try LegacyFraming.decode(binary: data)
    case .v1:
      if isText { throw WebSocketViolation(.invalidData, "\(Self.v1Name) has binary messages only") }
      return try V1Framing.decode(data)
    }
  }

  /// A whole WebSocket message, frame header included: the same for all clients of this form, because servers do not
  /// mask. Nil if the kernel said what no client could read.
  func encode(_ message: RawMessage) -> ByteBuffer? {
    switch self {
    case .v1: V1Framing.encode(message)
    case .legacy: message.hasValidBody ? LegacyFraming.encode(message) : nil
    }
  }
}

/// Why a client's connection is closed: its mistake, told in the close frame.
struct WebSocketViolation: Error, Hashable {
  /// Close codes of RFC 6455, section 7.4.1.
  enum Code: UInt16 {
    case protocolError = 1002
    case invalidData = 1007
    case tooLarge = 1009
  }

  var code: Code
  var reason: String

  init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  init(_ error: MessageError) { self.init(.invalidData, "\(error)") }
}

extension ConnectionFile.Channel {
  /// The channel that a client writes to.
  init(ofClient name: [UInt8]) throws(WebSocketViolation) {
    switch name {
    case Array("shell".utf8): self = .shell
    case Array("control".utf8): self = .control
    case Array("stdin".utf8): self = .stdin
    default:
      let text = String(decoding: name.prefix(40), as: UTF8.self)
      throw WebSocketViolation(.invalidData, "no channel '\(text)' to write to; use shell, control or stdin")
    }
  }
}

extension ByteBuffer {
  enum FrameKind: UInt8 {
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA
  }

  /// A buffer that begins with the header of an unmasked frame of so many bytes.
  init(frame kind: FrameKind, payload count: Int) {
    self = ByteBufferAllocator().buffer(capacity: count + 10)
    writeInteger(0x80 | kind.rawValue)
    switch count {
    case 0...125: writeInteger(UInt8(count))
    case 126...0xFFFF:
      writeInteger(UInt8(126))
      writeInteger(UInt16(count))
    default:
      writeInteger(UInt8(127))
      writeInteger(UInt64(count))
    }
  }
}
