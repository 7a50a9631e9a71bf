// One set of sockets to a kernel, which all of its clients share.
import DequeModule
import JSON

/// Who gets what a kernel says. Called on the wire thread, which must not be blocked.
public protocol KernelLinkReceiver: AnyObject, Sendable {
  /// Messages of all channels, in the order of each channel. Signatures and headers are valid.
  /// - Returns: whether the receiver has too much of them: then iopub is not read until `Wire.resume` or `holdIsOver`.
  func received(_ messages: [RawMessage]) -> Bool
  /// iopub has been held back for `Wire.holdPatience`.
  /// - Returns: whether it shall be held back for that long again.
  func holdIsOver() -> Bool
  /// The sockets could not be made; the link does not exist.
  func failed(_ error: ZMQError)
}

/// Who sent something, and is told when ZeroMQ has taken it: so he knows how much of his is still here.
public protocol KernelLinkSender: AnyObject, Sendable {
  /// Called on the wire thread. What belonged to a link that is closed counts as taken.
  func taken(bytes: Int)
}

/// Belongs to the wire thread.
final class KernelLink {
  struct Waiting {
    var frames: Frames
    var sender: (any KernelLinkSender)?
    var bytes: Int
  }

  let id: UInt64
  let session: MessageSession
  let receiver: any KernelLinkReceiver
  let sockets: [ConnectionFile.Channel: WireSocket]
  /// The kernel is known to send its outputs here, so that requests lose none.
  var isJoined = false
  var probes = 0
  /// What could not be sent yet.
  var waiting: [ConnectionFile.Channel: Deque<Waiting>] = [:]
  /// Its number tells the present pause from earlier ones; nil while iopub is read.
  var hold: UInt64?
  /// What came in this turn of the loop.
  var arrived: [RawMessage] = []
  var refusedMessages = 0

  init(
    id: UInt64, session: MessageSession, receiver: any KernelLinkReceiver,
    sockets: [ConnectionFile.Channel: WireSocket]
  ) {
    self.id = id
    self.session = session
    self.receiver = receiver
    self.sockets = sockets
  }

  /// What is known by these messages: the kernel's sockets reach us. Those that are for nobody else are kept back.
  func isOurs(_ message: RawMessage) -> Bool {
    if message.channel == .iopub { isJoined = true }
    return message.fields.type == "iopub_welcome" || message.parentFields?.session == session.id
  }
}
