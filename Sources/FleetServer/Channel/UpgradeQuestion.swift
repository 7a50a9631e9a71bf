// Decides whether a connection's first request becomes a WebSocket, before NIO's upgrade handler sees it.
import NIOCore
import NIOHTTP1

/// NIO's handler loses a request that it asked its upgraders about in vain (swift-nio 2.101), so that nobody would answer
/// it. Therefore it only sees those that will be upgraded; what others asked for is taken out of their heads.
final class UpgradeQuestion: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  private let ask: @Sendable (HTTPRequestHead) async -> Bool
  /// The head, while it is asked about, and what came meanwhile.
  private var waiting: (head: HTTPRequestHead, rest: [HTTPServerRequestPart])?

  /// - Parameter ask: whether the request becomes a WebSocket; it is one by its headers.
  init(ask: @escaping @Sendable (HTTPRequestHead) async -> Bool) { self.ask = ask }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = Self.unwrapInboundIn(data)
    if waiting != nil {
      waiting?.rest.append(part)
    } else if case .head(let head) = part, head.headers.contains(name: "upgrade") {
      waiting = (head, [])
      decide(head, context)
    } else {
      context.fireChannelRead(data)
      context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
  }

  private func decide(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    guard Self.isHandshake(head) else { return goOn(context, isUpgraded: false) }
    let (ask, loop) = (ask, context.eventLoop)
    let answer = loop.makePromise(of: Bool.self)
    answer.completeWithTask { await ask(head) }
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: loop)
    answer.futureResult.whenComplete { result in
      let (handler, context) = bound.value
      handler.goOn(context, isUpgraded: (try? result.get()) ?? false)  // it does not throw
    }
  }

  /// What NIO expects of the headers (RFC 6455, section 4.2.1).
  private static func isHandshake(_ head: HTTPRequestHead) -> Bool {
    head.method == .GET && head.version == .http1_1
      && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
      && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
      && head.headers["sec-websocket-key"].count == 1 && head.headers["sec-websocket-version"] == ["13"]
  }

  private func goOn(_ context: ChannelHandlerContext, isUpgraded: Bool) {
    guard let (asked, rest) = waiting else { return }
    waiting = nil
    var head = asked
    if !isUpgraded {
      head.headers.remove(name: "upgrade")
      // The decoder reads nothing after such a head.
      head.headers.replaceOrAdd(name: "connection", value: "close")
    }
    context.fireChannelRead(Self.wrapInboundOut(.head(head)))
    for part in rest { context.fireChannelRead(Self.wrapInboundOut(part)) }
    context.fireChannelReadComplete()
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}

@available(*, unavailable)
extension UpgradeQuestion: Sendable {}
