// Ends connections whose client sends or reads too slowly. What is answered may take as long as it takes.
import NIOCore
import NIOHTTPTypes

/// The connection ended in the middle of a request.
struct BrokenOff: Error {}

final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: ServerLimits
  private var request: Scheduled<Void>?
  /// A request has begun, and its body has not ended.
  private var isReading = false
  private var stall: Scheduled<Void>?

  init(limits: ServerLimits) { self.limits = limits }

  func handlerRemoved(context: ChannelHandlerContext) { cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    cancel()
    breakOff(context)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { breakOff(context) }
    context.fireUserInboundEventTriggered(event)
  }

  /// Hummingbird takes the end of a connection for the end of a body: what was cut off would be obeyed.
  private func breakOff(_ context: ChannelHandlerContext) {
    guard isReading else { return }
    isReading = false
    context.fireErrorCaught(BrokenOff())
  }

  private func cancel() {
    request?.cancel()
    stall?.cancel()
    (request, stall) = (nil, nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(var head):
      isReading = true
      request = after(limits.requestTime, close: context.channel)
      guard head.headerFields[.upgrade] != nil else { break }
      // The decoder reads nothing behind such a head, so that the connection ends with its answer.
      head.headerFields[.connection] = "close"
      return context.fireChannelRead(wrapInboundOut(.head(head)))
    case .body: break
    case .end:
      isReading = false
      request?.cancel()
      request = nil
    }
    context.fireChannelRead(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = context.channel.isWritable ? nil : watch(context.channel, left: .max)
    context.fireChannelWritabilityChanged()
  }

  /// Ends a connection of which nothing was read for so long.
  /// - Parameter left: how many bytes waited when it was last looked at.
  private func watch(_ channel: any Channel, left: Int) -> Scheduled<Void> {
    let guardian = NIOLoopBound(self, eventLoop: channel.eventLoop)
    return channel.eventLoop.scheduleTask(in: limits.stallTime) {
      let now = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? left
      guard now < left else { return channel.close(promise: nil) }
      guardian.value.stall = guardian.value.watch(channel, left: now)
    }
  }

  private func after(_ time: TimeAmount, close channel: any Channel) -> Scheduled<Void> {
    channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}

@available(*, unavailable)
extension RequestGuard: Sendable {}
