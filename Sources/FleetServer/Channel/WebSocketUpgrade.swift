// Where requests turn into WebSockets.
import NIOCore
import NIOHTTP1

/// Who turns requests into WebSockets. Asked before any route; nil leaves the request to the router, which says why not.
public protocol WebSocketUpgrade: Sendable {
  /// Access, Host and Origin were checked, and the scope `execute` is there.
  func accept(_ request: HTTPRequestHead, identity: Identity) async -> WebSocketAcceptance?
}

public struct WebSocketAcceptance: Sendable {
  /// Further headers of the 101, `Sec-WebSocket-Protocol` among them.
  public var headers: HTTPHeaders
  /// Of one frame, in bytes.
  public var maximumFrame: Int
  /// Adds handlers behind the frame decoder and encoder (`WebSocketFrame` in and out); called on the channel's event
  /// loop. They answer `ChannelShouldQuiesceEvent`, by which a host that ends says so.
  public var install: @Sendable (any Channel) throws -> Void

  public init(
    headers: HTTPHeaders = [:], maximumFrame: Int, install: @escaping @Sendable (any Channel) throws -> Void
  ) {
    self.headers = headers
    self.maximumFrame = maximumFrame
    self.install = install
  }
}
