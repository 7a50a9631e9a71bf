// Deadlines in the order of their time. Those that no longer matter are left in the heap and ignored when due.
import HeapModule

struct Timers: Sendable {
  enum Name: Sendable, Hashable {
    case start(KernelID, generation: Int)
    case stop(KernelID, generation: Int, StopProgress.Step)
    case backoff(KernelID, generation: Int)
    case ask(question: Int)
    case answer
    case inquiry(question: Int)
    case scale(pool: String)
    case pool(String)
    case provision(pool: String, number: Int)
    case connections, alert, cull
    case reservations(KernelID)
    case retryCommit
  }

  private struct Entry: Comparable {
    let at: Instant
    let order: Int
    let name: Name

    static func < (a: Entry, b: Entry) -> Bool { (a.at, a.order) < (b.at, b.order) }
    static func == (a: Entry, b: Entry) -> Bool { a.order == b.order }
  }

  private var heap = Heap<Entry>()
  private var count = 0

  /// The earliest deadline.
  var next: Instant? { heap.min?.at }

  mutating func set(_ name: Name, at instant: Instant) {
    count += 1
    heap.insert(Entry(at: instant, order: count, name: name))
  }

  /// The earliest timer that is due; nil if none is.
  mutating func popDue(_ now: Instant) -> Name? {
    guard let first = heap.min, first.at <= now else { return nil }
    return heap.removeMin().name
  }
}
