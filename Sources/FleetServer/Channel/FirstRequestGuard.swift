// Ends connections that do not bring a first request in time, or not before the host leaves.
import NIOCore

/// Stands in the pipeline until the head of the first request is there: `finish` removes it.
final class FirstRequestGuard: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  private let limit: TimeAmount
  private var deadline: Scheduled<Void>?

  init(limit: TimeAmount) { self.limit = limit }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  /// To be called on the channel's event loop.
  static func finish(_ channel: any Channel) {
    // It is gone if the channel is.
    guard let context = try? channel.pipeline.syncOperations.context(handlerType: FirstRequestGuard.self) else {
      return
    }
    channel.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}
