// One connection of a listener: HTTP/1.1, which may turn into a WebSocket with its first request.
import FleetEngine
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket
import Synchronization

/// The child channel of both listeners.
struct ServerChannel: ServerChildChannel, HTTPChannelHandler {
  typealias HTTP = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

  /// A connection whose first request decides what it is.
  struct Value: ServerChildChannelValue {
    let channel: any Channel
    let mode: EventLoopFuture<Mode>
  }

  enum Mode: Sendable {
    case http(HTTP)
    case webSocket
  }

  let responder: HTTPChannelHandler.Responder
  let keeper: Gatekeeper
  let webSockets: any WebSocketUpgrade
  let limits: ServerLimits
  let table: ConnectionTable

  init(
    responder: @escaping HTTPChannelHandler.Responder, keeper: Gatekeeper, webSockets: any WebSocketUpgrade,
    limits: ServerLimits
  ) {
    self.responder = responder
    self.keeper = keeper
    self.webSockets = webSockets
    self.limits = limits
    table = ConnectionTable(limits: limits)
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let address = channel.remoteAddress?.ipAddress ?? (keeper.isLocal ? KernelUsers.name(of: channel) : "")
      guard table.add(address) else {
        channel.close(promise: nil)
        return Value(channel: channel, mode: channel.eventLoop.makeFailedFuture(ChannelError.eof))
      }
      let table = table
      channel.closeFuture.whenComplete { _ in table.remove(address) }
      return Value(channel: channel, mode: try negotiate(channel, logger))
    }
  }

  func handle(value: Value, logger: Logger) async {
    do {
      switch try await value.mode.get() {
      case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
      case .webSocket: try await value.channel.closeFuture.get()
      }
    } catch {
      // Closed before it had said what it wants.
      value.channel.close(promise: nil)
    }
  }

  private func negotiate(_ channel: any Channel, _ logger: Logger) throws -> EventLoopFuture<Mode> {
    let limits = limits
    try channel.pipeline.syncOperations.addHandler(FirstRequestGuard(limit: limits.headTime))
    let upgrader = WebSocketUpgrader(self)
    let upgrades = NIOTypedHTTPServerUpgradeConfiguration<Mode>(upgraders: [upgrader]) { channel in
      channel.eventLoop.makeCompletedFuture {
        FirstRequestGuard.finish(channel)
        return .http(try Self.addHTTP(channel, limits, logger))
      }
    }
    let question = UpgradeQuestion { await upgrader.accepts($0, on: channel) }
    return try channel.pipeline.syncOperations.configureUpgradableServer(upgrades, question, limits)
  }

  private static func addHTTP(_ channel: any Channel, _ limits: ServerLimits, _ logger: Logger) throws -> HTTP {
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
    try pipeline.addHandler(RequestGuard(limits: limits))
    try pipeline.addHandler(
      HTTPConnectionStateHandler(idleTimeout: .nanoseconds(limits.idleTime.nanoseconds), logger: logger))
    return try NIOAsyncChannel(
      wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
  }
}

extension ChannelPipeline.SynchronousOperations {
  /// The pipeline of `configureUpgradableHTTPServerPipeline`, with our own answer to what is no HTTP.
  fileprivate func configureUpgradableServer(
    _ upgrades: NIOTypedHTTPServerUpgradeConfiguration<ServerChannel.Mode>, _ question: UpgradeQuestion,
    _ limits: ServerLimits
  ) throws -> EventLoopFuture<ServerChannel.Mode> {
    let encoder = HTTPResponseEncoder()
    var bounds = NIOHTTPDecoderLimitConfiguration()
    bounds.maxHeaderFieldSize = limits.headBytes
    bounds.maxHeaderListSize = limits.headBytes
    bounds.maxHeaderFieldCount = limits.headFields
    let decoder = ByteToMessageHandler(
      HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: bounds))
    let malformed = MalformedRequests()
    let upgrader = NIOTypedHTTPServerUpgradeHandler(
      httpEncoder: encoder, extraHTTPHandlers: [decoder, malformed], upgradeConfiguration: upgrades)
    try addHandler(encoder)
    try addHandler(decoder)
    try addHandler(malformed)
    try addHandler(question)
    try addHandler(upgrader)
    return upgrader.upgradeResultFuture
  }
}

/// Asks access and the gateway whether a request becomes a WebSocket.
private final class WebSocketUpgrader: NIOTypedHTTPServerProtocolUpgrader {
  let supportedProtocol = "websocket"
  let requiredUpgradeHeaders: [String] = []
  private let server: ServerChannel
  /// What was accepted, until the 101 is written.
  private let accepted = Mutex<WebSocketAcceptance?>(nil)

  init(_ server: ServerChannel) { self.server = server }

  /// Whether access and the gateway let the request become a WebSocket. A refusal is said by the router, which checks
  /// the same.
  func accepts(_ request: HTTPRequestHead, on channel: any Channel) async -> Bool {
    guard let identity = try? await server.keeper.check(RequestFacts(request), for: .execute, on: channel),
      let acceptance = await server.webSockets.accept(request, identity: identity)
    else { return false }
    accepted.withLock { $0 = acceptance }
    return true
  }

  func buildUpgradeResponse(
    channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
  ) -> EventLoopFuture<HTTPHeaders> {
    let headers = accepted.withLock { $0?.headers }
    let handshake = NIOTypedWebSocketServerUpgrader<ServerChannel.Mode>(
      shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(headers) },
      upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededFuture(.webSocket) })
    return handshake.buildUpgradeResponse(
      channel: channel, upgradeRequest: upgradeRequest, initialResponseHeaders: initialResponseHeaders)
  }

  func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<ServerChannel.Mode> {
    guard let acceptance = accepted.withLock({ $0 }) else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    let frames = NIOTypedWebSocketServerUpgrader<ServerChannel.Mode>(
      maxFrameSize: acceptance.maximumFrame, enableAutomaticErrorHandling: false,
      shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          FirstRequestGuard.finish(channel)
          try acceptance.install(channel)
          return .webSocket
        }
      })
    return frames.upgrade(channel: channel, upgradeRequest: upgradeRequest)
  }
}

extension RequestFacts {
  init(_ head: HTTPRequestHead) {
    self.init(
      uri: head.uri, host: head.headers.first(name: "host"), origin: head.headers.first(name: "origin"),
      authorization: head.headers.first(name: "authorization"))
  }
}
