// A client's WebSocket: frames to the kernel's room and back, on the connection's event loop.
import FleetCore
import FleetEngine
import JupyterProtocol
import Logging
import NIOCore
import NIOWebSocket

/// Behind NIO's decoder of frames. Messages leave past its encoder, because they are whole frames already, made once for
/// all clients. While the client does not read, its messages wait in its session, which is bounded; while the kernel does
/// not read, nothing is read from the client.
final class WebSocketChannels: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundIn = WebSocketFrame
  typealias OutboundOut = ByteBuffer

  static let pingInterval = TimeAmount.seconds(30)
  /// A client that says nothing for so long is gone.
  static let patience = TimeAmount.seconds(90)
  /// How long a client may take to answer the end of the connection.
  static let closePatience = TimeAmount.seconds(5)
  /// Bytes that are written before the socket is asked whether it takes more.
  private static let batch = 256 << 10

  private let room: ChannelRoom
  private let session: String?
  private let ticket: UInt64
  private let framing: WebSocketFraming
  private let meters: HostMeters
  private var assembly: WebSocketAssembly
  private var client: ChannelClient?
  private var context: ChannelHandlerContext?
  /// Where whole frames enter the pipeline.
  private var outlet: ChannelHandlerContext?
  private var pings: RepeatedTask?
  private var lastHeard = NIODeadline.now()
  /// The kernel has not taken what the client sent.
  private var isFull = false
  private var wantsRead = false
  private var isClosing = false

  init(
    room: ChannelRoom, session: String?, ticket: UInt64, framing: WebSocketFraming, messageLimit: Int,
    meters: HostMeters
  ) {
    self.room = room
    self.session = session
    self.ticket = ticket
    self.framing = framing
    self.meters = meters
    assembly = WebSocketAssembly(limit: messageLimit)
  }

  // MARK: The connection

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    do {
      outlet = try context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
      let loop = context.eventLoop
      let handler = NIOLoopBound(self, eventLoop: loop)
      client = try room.join(session: session, as: ticket) { news in loop.execute { handler.value.hear(news) } }
      meters.websocketOpened()
      pings = loop.scheduleRepeatedTask(initialDelay: Self.pingInterval, delay: Self.pingInterval) { _ in
        handler.value.ping()
      }
    } catch let error as EngineError {
      close(.tryAgainLater, error.message)
    } catch {
      close(.unexpectedServerError, "the host cannot serve this connection")
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  private func leave() {
    pings?.cancel()
    pings = nil
    if let client {
      client.leave()
      meters.websocketClosed()
    }
    client = nil
    context = nil
    outlet = nil
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    // Without a close frame: the client's process or the network is gone.
    case ChannelEvent.inputClosed: context.close(promise: nil)
    case is ChannelShouldQuiesceEvent:
      let (code, reason) = ChannelClosing.hostLeaves.words
      close(code, reason)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength: close(.messageTooLarge, "a frame is too large")
    case is NIOWebSocketError: close(.protocolError, "an invalid control frame")
    default: return context.close(promise: nil)
    }
    // Its frames are not read any more, so its answer would never be seen.
    context.close(mode: .output, promise: nil)
  }

  private func ping() {
    // Its pongs may wait behind messages that are not read yet; if it has vanished, the system finds out by this ping.
    if isFull { lastHeard = .now() }
    if .now() - lastHeard > Self.patience {
      context?.close(promise: nil)
    } else if !isClosing {
      send(ByteBuffer(frame: .ping, payload: 0))
    }
  }

  // MARK: From the client

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastHeard = .now()
    do throws(WebSocketViolation) {
      switch try assembly.add(Self.unwrapInboundIn(data)) {
      case .nothing, .pong: break
      case .message(let data, let isText): try receive(data, isText: isText)
      case .ping(let data): pong(data)
      case .close(let code): answerClose(code)
      }
    } catch {
      close(WebSocketErrorCode(codeNumber: Int(error.code.rawValue)), error.reason)
    }
  }

  private func receive(_ data: [UInt8], isText: Bool) throws(WebSocketViolation) {
    // What still comes after the close frame is not listened to.
    guard let client, !isClosing else { return }
    let message = try framing.decode(data, isText: isText)
    meters.message(channel: .init(message.channel), direction: .toKernel)
    if !client.send(message) { isFull = true }
  }

  func read(context: ChannelHandlerContext) {
    if isFull, client?.hasRoom == true { isFull = false }
    if isFull { wantsRead = true } else { context.read() }
  }

  private func pong(_ data: ByteBuffer) {
    guard !isClosing else { return }
    var frame = ByteBuffer(frame: .pong, payload: data.readableBytes)
    frame.writeImmutableBuffer(data)
    send(frame)
  }

  // MARK: To the client

  private func hear(_ news: ChannelNews) {
    switch news {
    case .messages: drain()
    case .room:
      isFull = false
      if wantsRead {
        wantsRead = false
        context?.read()
      }
    case .closed(let closing, let last):
      write(last)
      let (code, reason) = closing.words
      close(code, reason)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    drain()
    context.fireChannelWritabilityChanged()
  }

  private func drain() {
    guard !isClosing, let client, let context else { return }
    while context.channel.isWritable {
      let messages = client.take(most: Self.batch)
      if messages.isEmpty { return }
      write(messages)
    }
  }

  private func write(_ messages: [ChannelMessage]) {
    guard !isClosing, let outlet, !messages.isEmpty else { return }
    for message in messages {
      meters.message(channel: .init(message.raw.channel), direction: .fromKernel)
      let encoded = message.encoded(as: framing.rawValue) { Encoded(frame: framing.encode($0)) }
      if let frame = encoded.frame { outlet.write(Self.wrapOutboundOut(frame), promise: nil) }
    }
    outlet.flush()
  }

  private struct Encoded: Sendable {
    var frame: ByteBuffer?
  }

  private func send(_ frame: ByteBuffer) { outlet?.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil) }

  // MARK: The end

  /// Says why, and waits a little for the client to agree.
  private func close(_ code: WebSocketErrorCode, _ reason: String) {
    guard !isClosing, let context else { return }
    isClosing = true
    isFull = false
    client?.leave()
    sendClose(UInt16(webSocketErrorCode: code), reason)
    let channel = context.channel
    context.eventLoop.scheduleTask(in: Self.closePatience) { channel.close(promise: nil) }
    if wantsRead {
      wantsRead = false
      context.read()
    }
  }

  private func answerClose(_ code: UInt16?) {
    guard let context else { return }
    if !isClosing {
      isClosing = true
      client?.leave()
      sendClose(code, "")
    }
    context.close(promise: nil)
  }

  private func sendClose(_ code: UInt16?, _ reason: String) {
    // 125 bytes at most, of which two are the code; cut where a character begins.
    var text = reason.prefix(123)
    while text.utf8.count > 123 { text = text.dropLast() }
    var frame = ByteBuffer(frame: .close, payload: code == nil ? 0 : 2 + text.utf8.count)
    if let code {
      frame.writeInteger(code)
      frame.writeString(String(text))
    }
    send(frame)
  }
}

extension HostMeters.Channel {
  /// The heartbeat's messages are nobody's on a WebSocket.
  fileprivate init(_ channel: ConnectionFile.Channel) { self = Self(rawValue: channel.rawValue) ?? .control }
}

extension ChannelClosing {
  fileprivate var words: (WebSocketErrorCode, String) {
    switch self {
    case .hostLeaves: (.goingAway, "the host is going down")
    case .kernelGone: (.normalClosure, "the kernel was stopped")
    case .replaced: (.normalClosure, "another connection has taken this session over")
    case .tooSlow: (.tryAgainLater, "this client does not read what its kernel says")
    case .hostFails: (.unexpectedServerError, "the host cannot connect to the kernel")
    }
  }
}

extension WebSocketErrorCode {
  /// RFC 6455's registry of codes: the server cannot serve this client now.
  fileprivate static let tryAgainLater = WebSocketErrorCode(codeNumber: 1013)
}
