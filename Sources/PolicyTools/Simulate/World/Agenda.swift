// What will happen, the earliest first; what is planned for the same time keeps its order.

struct Agenda<Element> {
  private struct Entry {
    let at: Int64
    let order: Int
    let element: Element

    func isBefore(_ other: Entry) -> Bool { at == other.at ? order < other.order : at < other.at }
  }

  // A binary heap of its own: the order of equals matters, and a day has tens of millions of these steps.
  private var heap: [Entry] = []
  private var count = 0

  mutating func plan(_ element: Element, at: Int64) {
    count += 1
    let entry = Entry(at: at, order: count, element: element)
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if !entry.isBefore(heap[parent]) { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  mutating func next() -> (at: Int64, element: Element)? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { sink(last) }
    return (first.at, first.element)
  }

  private mutating func sink(_ entry: Entry) {
    var parent = 0
    let count = heap.count
    while true {
      var child = 2 * parent + 1
      if child >= count { break }
      if child + 1 < count, heap[child + 1].isBefore(heap[child]) { child += 1 }
      if !heap[child].isBefore(entry) { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = entry
  }
}
