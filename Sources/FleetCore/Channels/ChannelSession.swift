// One client of a kernel as a session: it outlives its connection, so that a client which comes back misses nothing.
import JupyterProtocol
import Synchronization

/// What a client's connection is told; on any thread, and it must not block.
public enum ChannelNews: Sendable {
  /// There is something to `take`; said once until nothing more was there.
  case messages
  /// The kernel has taken enough that more may be read from the client.
  case room
  /// The connection is to be closed, and is no client any more. These are the last messages for it.
  case closed(ChannelClosing, last: [ChannelMessage])
}

public enum ChannelClosing: Sendable, Hashable {
  /// The host is going down.
  case hostLeaves
  /// The kernel was stopped and its row is gone.
  case kernelGone
  /// Another connection came with the same session.
  case replaced
  /// The client did not read what cannot be dropped.
  case tooSlow
  /// The host cannot connect to the kernel.
  case hostFails
}

final class ChannelSession: Sendable {
  let key: String
  /// The client named it, so it may come back.
  let isResumable: Bool
  private let state = Mutex(State())

  private struct State {
    var outbox = Outbox()
    /// The present connection; nil while the client is away.
    var connection: UInt64?
    var onNews: (@Sendable (ChannelNews) -> Void)?
    var isAnnounced = false
    /// Counts departures, so that a late expiry is not taken for the present one's.
    var departures = 0
    var username = ""
    /// The kernel's outputs are held back for it, and what it has taken since.
    var isHolding = false
    var takenWhileHolding = 0
    /// It does not keep up: nobody waits for it until it has taken everything.
    var isSlow = false
  }

  init(key: String, isResumable: Bool) {
    self.key = key
    self.isResumable = isResumable
  }

  // MARK: The connection

  /// - Returns: what an earlier connection is told.
  func attach(_ connection: UInt64, _ onNews: @escaping @Sendable (ChannelNews) -> Void) -> (
    @Sendable (ChannelNews) -> Void
  )? {
    state.withLock { state in
      defer {
        state.connection = connection
        state.onNews = onNews
        state.isAnnounced = !state.outbox.isEmpty
        state.isSlow = false
        state.isHolding = false
      }
      return state.onNews
    }
  }

  /// - Returns: the number of this departure; nil if another connection has taken this one's place.
  func detach(_ connection: UInt64) -> Int? {
    state.withLock { state in
      guard state.connection == connection else { return nil }
      state.connection = nil
      state.onNews = nil
      state.isHolding = false
      state.departures += 1
      return state.departures
    }
  }

  func isAway(since departure: Int) -> Bool {
    state.withLock { $0.connection == nil && $0.departures == departure }
  }

  func isLater(than connection: UInt64) -> Bool { state.withLock { $0.connection.map { $0 > connection } ?? false } }

  var isAttached: Bool { state.withLock { $0.connection != nil } }

  func tell(_ connection: UInt64, _ news: ChannelNews) {
    state.withLock { $0.connection == connection ? $0.onNews : nil }?(news)
  }

  var hasMessages: Bool { state.withLock { !$0.outbox.isEmpty } }

  /// Nothing is kept for it any more; its connection, if there is one, is told.
  func end(_ closing: ChannelClosing? = nil) {
    let (onNews, last) = state.withLock { state in
      defer { state = State() }
      return (state.onNews, state.outbox.take(most: .max))
    }
    if let closing { onNews?(.closed(closing, last: closing == .tooSlow ? [] : last)) }
  }

  // MARK: Its name

  func isCalled(_ username: String) {
    state.withLock { if $0.username.isEmpty { $0.username = username } }
  }

  /// For people: the name from the client's messages, and the beginning of the session.
  var name: String {
    let username = Self.plain(state.withLock { $0.username }, most: 64)
    let session = "session \(Self.plain(key, most: 8))"
    return username.isEmpty ? session : "\(username) (\(session))"
  }

  /// Clients may call themselves anything; people see it in their terminals.
  private static func plain(_ text: String, most count: Int) -> String {
    String(text.prefix(count).filter { $0.isLetter || $0.isNumber || " ._-@+".contains($0) })
  }

  // MARK: Messages

  struct Offer {
    var isOverflow = false
    /// The kernel's outputs shall be held back.
    var wantsHold = false
  }

  func offer(
    _ messages: [ChannelMessage], _ limits: ChannelLimits, isTight: Bool,
    notice: (_ dropped: Int, _ parent: [UInt8]) -> ChannelMessage
  ) -> Offer {
    let (offer, onNews) = state.withLock { state in
      var offer = Offer()
      let full = state.connection == nil ? limits.away : limits.outgoing
      let limit = isTight ? min(limits.tight, full) : full
      for message in messages
      where state.outbox.offer(message, limit: limit, hardLimit: 2 * full, notice: notice) == .overflow {
        offer.isOverflow = true
        return (offer, nil as (@Sendable (ChannelNews) -> Void)?)
      }
      if state.connection != nil, !state.isSlow, state.outbox.bytes > limits.hold {
        offer.wantsHold = true
        if !state.isHolding { state.takenWhileHolding = 0 }
        state.isHolding = true
      }
      guard !state.isAnnounced, !state.outbox.isEmpty, let onNews = state.onNews else { return (offer, nil) }
      state.isAnnounced = true
      return (offer, onNews)
    }
    onNews?(.messages)
    return offer
  }

  /// - Returns: messages, and whether nobody has to be held back for this session any more.
  func take(_ connection: UInt64, most bytes: Int, _ limits: ChannelLimits) -> ([ChannelMessage], releases: Bool) {
    state.withLock { state in
      guard state.connection == connection else { return ([], false) }
      let before = state.outbox.bytes
      let taken = state.outbox.take(most: bytes)
      state.takenWhileHolding += before - state.outbox.bytes
      if taken.isEmpty { state.isAnnounced = false }
      if state.outbox.isEmpty { state.isSlow = false }
      let releases = state.isHolding && state.outbox.bytes < limits.resume
      if releases { state.isHolding = false }
      return (taken, releases)
    }
  }

  var isHolding: Bool { state.withLock { $0.isHolding } }

  /// Whether it has taken so much since it was last asked that it is worth waiting for; else nobody waits for it now.
  func isWorthWaiting(for least: Int) -> Bool {
    state.withLock { state in
      guard state.isHolding else { return false }
      defer { state.takenWhileHolding = 0 }
      if state.takenWhileHolding >= least { return true }
      state.isHolding = false
      state.isSlow = true
      return false
    }
  }
}
