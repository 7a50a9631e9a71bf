// The highest or lowest number of a stretch of time, kept in a queue of those that can still become it (a monotonic
// queue: each number is put in and taken out once).
import DequeModule

struct Extreme: Sendable {
  private let window: Duration
  private let isHighest: Bool
  private var candidates: Deque<(value: Int, at: Instant)> = []

  init(highestOf window: Duration) { (self.window, isHighest) = (window, true) }
  init(lowestOf window: Duration) { (self.window, isHighest) = (window, false) }

  /// Counts a number and gives the extreme of those that are younger than the window, this one included.
  mutating func add(_ value: Int, _ now: Instant) -> Int {
    while let last = candidates.last, isHighest ? last.value <= value : last.value >= value { candidates.removeLast() }
    candidates.append((value, now))
    while candidates.count > 1, let first = candidates.first, now - first.at >= window { candidates.removeFirst() }
    return candidates.first?.value ?? value
  }

  var isEmpty: Bool { candidates.isEmpty }
}
