// Messages of a client, put together from frames; what frames may follow each other (RFC 6455, section 5).
import NIOCore
import NIOWebSocket

struct WebSocketAssembly {
  enum Piece: Equatable {
    /// More of the message follows.
    case nothing
    case message([UInt8], isText: Bool)
    case ping(ByteBuffer)
    case pong
    /// With the code that the client gave; nil if it gave none.
    case close(UInt16?)
  }

  private let limit: Int
  private var begun: (data: [UInt8], isText: Bool)?

  /// - Parameter limit: of one message, in bytes.
  init(limit: Int) { self.limit = limit }

  mutating func add(_ frame: WebSocketFrame) throws(WebSocketViolation) -> Piece {
    guard frame.reservedBits.isEmpty else { throw WebSocketViolation(.protocolError, "no extension was agreed on") }
    guard frame.maskKey != nil else { throw WebSocketViolation(.protocolError, "a client must mask its frames") }
    switch frame.opcode {
    case .text, .binary:
      guard begun == nil else { throw WebSocketViolation(.protocolError, "a message began inside of another one") }
      begun = ([], isText: frame.opcode == .text)
      return try more(frame)
    case .continuation:
      guard begun != nil else { throw WebSocketViolation(.protocolError, "a continuation of no message") }
      return try more(frame)
    case .ping: return .ping(frame.unmaskedData)
    case .pong: return .pong
    case .connectionClose: return .close(try Self.closeCode(frame.unmaskedData))
    default: throw WebSocketViolation(.protocolError, "an unknown kind of frame")
    }
  }

  private mutating func more(_ frame: WebSocketFrame) throws(WebSocketViolation) -> Piece {
    let count = (begun?.data.count ?? 0) + frame.data.readableBytes
    guard count <= limit else { throw WebSocketViolation(.tooLarge, "a message has more than \(limit) bytes") }
    let data = frame.unmaskedData
    if frame.fin, begun?.data.isEmpty == true {
      defer { begun = nil }
      return .message(Array(data.readableBytesView), isText: begun?.isText == true)
    }
    begun?.data.append(contentsOf: data.readableBytesView)
    guard frame.fin, let message = begun else { return .nothing }
    begun = nil
    return .message(message.data, isText: message.isText)
  }

  private static func closeCode(_ data: ByteBuffer) throws(WebSocketViolation) -> UInt16? {
    var data = data
    if data.readableBytes == 0 { return nil }
    guard let code = data.readInteger(as: UInt16.self), isAllowed(code) else {
      throw WebSocketViolation(.protocolError, "an invalid close code")
    }
    guard String(validating: data.readableBytesView, as: UTF8.self) != nil else {
      throw WebSocketViolation(.invalidData, "a close reason that is not UTF-8")
    }
    return code
  }

  private static func isAllowed(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
