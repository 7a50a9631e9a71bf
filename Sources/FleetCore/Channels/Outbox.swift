// What waits for one client: bounded, and if something must go, then outputs before answers.
import DequeModule
import JSON
import JupyterProtocol

struct Outbox {
  enum Outcome {
    case queued, dropped
    /// Not even what cannot be dropped has room.
    case overflow
  }

  private var queue: Deque<ChannelMessage> = []
  private(set) var bytes = 0
  /// Since the last notice.
  private(set) var dropped = 0
  /// The cell whose output was dropped last: the notice is shown there.
  private var parentOfDropped: [UInt8] = []

  var isEmpty: Bool { queue.isEmpty }

  /// - Parameters:
  ///   - limit: bytes that may wait before an output; `hardLimit` is that of the rest.
  ///   - notice: makes the message that says how many were dropped, for the cell with this parent header.
  mutating func offer(
    _ message: ChannelMessage, limit: Int, hardLimit: Int,
    notice: (_ dropped: Int, _ parent: [UInt8]) -> ChannelMessage
  ) -> Outcome {
    if message.isDroppable, bytes >= limit {
      dropped += 1
      parentOfDropped = message.raw.parent
      return .dropped
    }
    if !message.isDroppable, bytes >= hardLimit, !queue.isEmpty { return .overflow }
    // Before whatever comes next, or at the latest before the end of the cell.
    if dropped > 0, message.isDroppable || message.endsExecution {
      append(notice(dropped, parentOfDropped))
      dropped = 0
    }
    append(message)
    return .queued
  }

  private mutating func append(_ message: ChannelMessage) {
    queue.append(message)
    bytes += message.size
  }

  /// The oldest messages, until there are so many bytes of them; at least one if there is any.
  mutating func take(most limit: Int) -> [ChannelMessage] {
    var taken: [ChannelMessage] = []
    var count = 0
    while count < limit, let first = queue.popFirst() {
      count += first.size
      taken.append(first)
    }
    bytes -= count
    return taken
  }

  mutating func removeAll() { self = Outbox() }
}
