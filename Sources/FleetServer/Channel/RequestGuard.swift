// Ends connections whose client sends or reads too slowly. What is answered may take as long as it takes.
import NIOCore
import NIOHTTPTypes

final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: ServerLimits
  private var request: Scheduled<Void>?
  private var stall: Scheduled<Void>?

  init(limits: ServerLimits) { self.limits = limits }

  func handlerRemoved(context: ChannelHandlerContext) { cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    cancel()
    context.fireChannelInactive()
  }

  private func cancel() {
    request?.cancel()
    stall?.cancel()
    (request, stall) = (nil, nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: request = after(limits.requestTime, close: context.channel)
    case .body: break
    case .end:
      request?.cancel()
      request = nil
    }
    context.fireChannelRead(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = context.channel.isWritable ? nil : after(limits.stallTime, close: context.channel)
    context.fireChannelWritabilityChanged()
  }

  private func after(_ time: TimeAmount, close channel: any Channel) -> Scheduled<Void> {
    channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}

@available(*, unavailable)
extension RequestGuard: Sendable {}
