// What cannot be read as HTTP gets an answer that says so, and the connection ends.
import JSON
import NIOCore
import NIOHTTP1

/// Behind the decoder of requests, whose errors it answers. Stays for the connection's life as HTTP.
final class MalformedRequests: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private var isAnswering = false
  private var hasFailed = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    // Whoever still answers comes too late.
    guard !hasFailed else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(let head): isAnswering = head.status != .continue
    case .body: break
    case .end: isAnswering = false
    }
    context.write(data, promise: promise)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError else { return context.fireErrorCaught(error) }
    if hasFailed { return }
    hasFailed = true
    // In the middle of an answer nothing can be said any more.
    if isAnswering { context.close(promise: nil) } else { answer(context, error) }
  }

  private func answer(_ context: ChannelHandlerContext, _ error: any Error) {
    let isLarge = error as? HTTPParserError == .headerOverflow
    let document: JSON = [
      "error": .string(isLarge ? "the head of the request is too large" : "this is no HTTP request: \(error)"),
      "code": "bad_request",
    ]
    let bytes = document.encoded()
    let status: HTTPResponseStatus = isLarge ? .requestHeaderFieldsTooLarge : .badRequest
    let headers: HTTPHeaders = [
      "content-type": "application/json; charset=utf-8", "content-length": "\(bytes.count)", "connection": "close",
    ]
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
  }
}

@available(*, unavailable)
extension MalformedRequests: Sendable {}
