// Points in time with something to do, the earliest first (a binary heap).

struct DeadlineQueue<Item> {
  private var heap: [(time: MonotonicTime, item: Item)] = []

  var earliest: MonotonicTime? { heap.first?.time }

  mutating func insert(_ item: Item, at time: MonotonicTime) {
    heap.append((time, item))
    var child = heap.count - 1
    while child > 0, heap[child].time < heap[(child - 1) / 2].time {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Removes and returns the earliest item whose time is over at `now`.
  mutating func popDue(at now: MonotonicTime) -> Item? {
    guard let first = heap.first, first.time <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      if least == parent { return first.item }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
