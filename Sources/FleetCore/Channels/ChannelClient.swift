// A connected client, as its connection sees it.
import JupyterProtocol
import Synchronization

/// One connection of a session. `leave` must be called when the connection ends.
public final class ChannelClient: KernelLinkSender {
  let room: ChannelRoom
  let session: ChannelSession
  let number: UInt64
  /// Bytes that the kernel has not taken.
  private let pending = Atomic<Int>(0)

  init(room: ChannelRoom, session: ChannelSession, number: UInt64) {
    self.room = room
    self.session = session
    self.number = number
  }

  /// Sends a message to the kernel.
  /// - Returns: whether more may be read from the client; else `ChannelNews.room` follows when it may.
  public func send(_ message: RawMessage) -> Bool {
    session.isCalled(message.fields.username)
    let size = message.size
    room.pending.add(size, ordering: .relaxed)
    let waiting = pending.add(size, ordering: .sequentiallyConsistent).newValue
    room.send(message, from: self)
    return waiting <= room.hub.limits.incoming
  }

  public func taken(bytes: Int) {
    room.pending.subtract(bytes, ordering: .relaxed)
    let (before, after) = pending.subtract(bytes, ordering: .sequentiallyConsistent)
    let limit = room.hub.limits.incoming
    if before > limit / 2, after <= limit / 2 { session.tell(number, .room) }
  }

  /// Whether the kernel has taken so much that more may be read.
  public var hasRoom: Bool { pending.load(ordering: .sequentiallyConsistent) <= room.hub.limits.incoming / 2 }

  /// The oldest messages for this client: about so many bytes of them, none if nothing waits.
  public func take(most bytes: Int) -> [ChannelMessage] {
    let (messages, releases) = session.take(number, most: bytes, room.hub.limits)
    if releases { room.release() }
    return messages
  }

  /// The connection has ended. What comes now is kept for the next one of this session.
  public func leave() { room.leave(self) }
}
