// Events on their way to the engine, from any thread, in the order in which they were posted.
import FleetEngine

final class Inbox: Sendable {
  let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation

  init() { (events, continuation) = AsyncStream.makeStream(of: Event.self) }

  func post(_ event: Event) { continuation.yield(event) }

  func finish() { continuation.finish() }
}
