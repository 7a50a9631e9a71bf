// Events on their way to the engine, from any thread, in the order in which they were posted.
import FleetEngine
import Synchronization

/// Bounded by what can happen: a request, a commit, an end is one event each. Only states can come without end, from a
/// kernel that says busy and idle faster than anybody listens: of those the newest count.
final class Inbox: Sendable {
  private struct State {
    var events: [Event] = []
    /// States of each kernel among `events`: how many, and where the last one is.
    var states: [KernelID: (count: Int, last: Int)] = [:]
  }

  /// States of one kernel that wait at most.
  static let mostStates = 64
  /// Events that are handed over at once, so that whoever takes them can look up in between.
  static let batch = 256

  private let state = Mutex(State())
  private let news: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (news, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

  func post(_ event: Event) {
    state.withLock { state in
      guard case .activity(let id, _, _) = event else { return state.events.append(event) }
      let (count, last) = state.states[id] ?? (0, 0)
      if count >= Self.mostStates {
        state.events[last] = event
      } else {
        state.states[id] = (count + 1, state.events.count)
        state.events.append(event)
      }
    }
    continuation.yield()
  }

  func finish() { continuation.finish() }

  /// Waits for events; nil when `finish` was called.
  func next() async -> [Event]? {
    var iterator = news.makeAsyncIterator()
    guard await iterator.next() != nil else { return nil }
    let (events, isEmpty) = state.withLock { state in
      let taken = Array(state.events.prefix(Self.batch))
      state.events.removeFirst(taken.count)
      // Their places have changed, and most are gone.
      state.states = [:]
      return (taken, state.events.isEmpty)
    }
    if !isEmpty { continuation.yield() }
    return events
  }
}
