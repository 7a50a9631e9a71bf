// `GET /api/kernels/<uuid>/channels`: who may have a WebSocket, and what those are told that want something else.
import FleetCore
import FleetEngine
import Hummingbird
import NIOCore
import NIOHTTP1

/// Turns requests for a kernel's channels into WebSockets.
public struct ChannelsUpgrade: WebSocketUpgrade {
  private let host: FleetHost

  public init(_ host: FleetHost) { self.host = host }

  public func accept(_ request: HTTPRequestHead, identity: Identity) async -> WebSocketAcceptance? {
    guard request.method == .GET, let target = ChannelsTarget(uri: request.uri) else { return nil }
    // Why there is no such kernel for this client, the route says.
    guard let room = try? await host.channels(target.kernel, as: identity.viewer) else { return nil }
    let offered = request.headers[canonicalForm: "sec-websocket-protocol"]
    let framing: WebSocketFraming = offered.contains { $0 == WebSocketFraming.v1Name } ? .v1 : .legacy
    let limit = host.setup.channels.message
    let ticket = room.ticket()
    return WebSocketAcceptance(
      headers: framing == .v1 ? ["Sec-WebSocket-Protocol": WebSocketFraming.v1Name] : [:], maximumFrame: limit
    ) { channel in
      // More than one batch of messages on their way to the socket is of no use.
      try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
      try channel.pipeline.syncOperations.addHandler(
        WebSocketChannels(
          room: room, session: target.session, ticket: ticket, framing: framing, messageLimit: limit,
          meters: host.meters))
    }
  }
}

/// What a request for channels is told that did not become a WebSocket.
func addChannelRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("api/kernels/:kernel/channels") { _, context -> Response in
    _ = try await host.channels(try context.kernel, as: context.viewer)
    throw EngineError(
      .badRequest,
      "the channels of a kernel are a WebSocket; connect with Upgrade: websocket and Sec-WebSocket-Version: 13")
  }
}
