// A listening socket for which the process has no descriptor left.
import Glibc
import Logging
import NIOCore

/// Lets a listener rest for a moment when a connection cannot be accepted: what waits makes its socket readable all the
/// time, and the event loop would ask for it again and again, with a core to itself (measured). Who waits is accepted
/// when there is room again.
final class AcceptPause: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let pause: TimeAmount = .milliseconds(100)
  private let log: Logger
  private var isTold = false

  private init(_ log: Logger) { self.log = log }

  /// To be called once the channel listens.
  static func add(to listener: any Channel, _ log: Logger) async {
    // It fails for a channel that is closed already, which accepts nothing.
    try? await listener.eventLoop.submit {
      try listener.pipeline.syncOperations.addHandler(AcceptPause(log), position: .first)
    }.get()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isTold = false
    context.fireChannelRead(data)
  }

  /// While it rests nothing is accepted, so that nothing of the kind comes.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.fireErrorCaught(error)
    guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else { return }
    if !isTold { log.warning("no connection can be accepted: \(String(cString: strerror(error.errnoCode)))") }
    isTold = true
    let listener = context.channel
    _ = listener.setOption(.autoRead, value: false)
    listener.eventLoop.scheduleTask(in: Self.pause) { listener.setOption(.autoRead, value: true) }
  }
}
