// What a kernel says, divided among its clients. Runs on the wire thread.
import JupyterProtocol

/// The end of one link in its room. A link that was replaced has nothing to say any more.
final class ChannelReceiver: KernelLinkReceiver {
  private let room: ChannelRoom
  private let link: UInt64

  init(room: ChannelRoom, link: UInt64) {
    self.room = room
    self.link = link
  }

  func received(_ messages: [RawMessage]) -> Bool { room.received(messages, through: link) }

  func holdIsOver() -> Bool { room.holdIsOver(link) }

  func failed(_ error: ZMQError) { room.failed(link, error) }
}

extension ChannelRoom {
  /// iopub is for all, an answer is for who asked.
  func received(_ messages: [RawMessage], through link: UInt64) -> Bool {
    let made = messages.map(hub.message)
    var owners: [ChannelSession?] = []
    var isShared = true
    let sessions = state.withLock { state -> [ChannelSession]? in
      guard state.link?.id == link else { return nil }
      var isSettled = true
      owners = made.map { message in
        if message.raw.channel == .iopub {
          if message.endsExecution, let parent = message.raw.parentFields {
            state.routes.completed(parent.id)
            isSettled = false
          }
          return nil
        }
        isShared = false
        isSettled = false
        return state.routes.owner(ofAnswer: message.raw)
      }
      defer { if !isSettled, !state.away.isEmpty { settleLink(&state) } }
      return Array(state.sessions.values)
    }
    guard let sessions else { return false }
    var (overflowing, wantsHold) = ([ChannelSession](), false)
    let isTight = hub.isTight
    for session in sessions {
      let his = isShared ? made : Self.share(of: session, made, owners)
      if his.isEmpty { continue }
      let offer = session.offer(his, hub.limits, isTight: isTight, notice: hub.notice)
      if offer.isOverflow { overflowing.append(session) }
      if offer.wantsHold { wantsHold = true }
    }
    if !overflowing.isEmpty { expel(overflowing, .tooSlow) }
    return wantsHold
  }

  private static func share(
    of session: ChannelSession, _ messages: [ChannelMessage], _ owners: [ChannelSession?]
  ) -> [ChannelMessage] {
    var his: [ChannelMessage] = []
    his.reserveCapacity(messages.count)
    for (message, owner) in zip(messages, owners) {
      // An answer whose asker is unknown, because he has left, is nobody's.
      if message.raw.channel == .iopub || owner === session { his.append(message) }
    }
    return his
  }

  /// Of a client that takes less than this in a turn of `Wire.holdPatience`, nobody waits for the rest.
  private static let leastProgress = 256 << 10

  func holdIsOver(_ link: UInt64) -> Bool {
    let sessions = state.withLock { $0.link?.id == link ? Array($0.sessions.values) : [] }
    return sessions.reduce(false) { $1.isWorthWaiting(for: Self.leastProgress) || $0 }
  }

  /// A client has taken so much that the kernel may go on, unless it waits for another one as well.
  func release() {
    let (sessions, link) = state.withLock { (Array($0.sessions.values), $0.link?.id) }
    if let link, !sessions.contains(where: \.isHolding) { hub.wire.resume(link) }
  }

  /// There are no sockets, so there is nothing to wait for: clients come back and try again.
  func failed(_ link: UInt64, _ error: ZMQError) {
    hub.log.error("\(id): clients cannot be connected to it: \(error)")
    let sessions = state.withLock { state in
      guard state.link?.id == link else { return [ChannelSession]() }
      state.link = nil
      return Array(state.sessions.values)
    }
    expel(sessions, .hostFails)
  }
}
