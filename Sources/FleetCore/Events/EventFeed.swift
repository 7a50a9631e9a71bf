// The newest events in memory, and who waits for the next. A reader is no more than a place in it: one that is slow holds
// up nobody, and one that falls too far behind is told that it missed something.
import FleetEngine
import Synchronization

public final class EventFeed: Sendable {
  /// Of events that are kept, and of those that were taken out but hold their place, at most.
  static let capacity = 10_000
  /// Changes between busy and idle that are kept of one kernel. A kernel that runs cells in a loop pushes out nothing but
  /// its own past.
  static let mostActivity = 16
  /// Who may wait at the same time.
  static let mostReaders = 1024
  /// Events that one look goes through, so that nobody holds the lock for long.
  static let most = 512

  fileprivate struct Slot {
    var number: Int64
    /// Nil when it was taken out.
    var event: FleetEvent?
  }

  fileprivate struct State {
    var slots: [Slot] = []
    var last: Int64 = 0
    /// The last event that there was no room for.
    var dropped: Int64 = 0
    /// Numbers of what is kept of each kernel's activity, oldest first.
    var activity: [KernelID: [Int64]] = [:]
    var readers: [Int: AsyncStream<Void>.Continuation] = [:]
    var lastReader = 0
    var isFinished = false
  }

  public let run: Int64
  private let state = Mutex(State())

  init(run: Int64) { self.run = run }

  /// The id of the last event; that of none yet has the number 0.
  public var last: FleetEvent.ID { FleetEvent.ID(run: run, number: state.withLock { $0.last }) }

  /// The number of the oldest event that is there, or will be.
  var oldest: Int64 { state.withLock { $0.dropped + 1 } }

  /// Gives the event its id, keeps it and wakes who waits.
  @discardableResult
  func append(
    _ kind: FleetEvent.Kind, time: Int64, kernel: KernelID? = nil, name: String? = nil, owner: String? = nil,
    detail: String = ""
  ) -> FleetEvent {
    let (event, readers) = state.withLock { state in
      state.last += 1
      let event = FleetEvent(
        id: FleetEvent.ID(run: run, number: state.last), time: time, kind: kind, kernel: kernel, name: name,
        owner: owner, detail: detail)
      state.slots.append(Slot(number: state.last, event: event))
      if kind.isActivity, let kernel { Self.thin(kernel, &state) }
      if state.slots.count > Self.capacity { Self.makeRoom(&state) }
      return (event, Array(state.readers.values))
    }
    for reader in readers { reader.yield() }
    return event
  }

  /// The kernel's last event is one of activity: its oldest gives way to it.
  private static func thin(_ kernel: KernelID, _ state: inout State) {
    state.activity[kernel, default: []].append(state.last)
    guard let numbers = state.activity[kernel], numbers.count > mostActivity else { return }
    state.activity[kernel]?.removeFirst()
    let index = state.index(after: numbers[0] - 1)
    if index < state.slots.count, state.slots[index].number == numbers[0] { state.slots[index].event = nil }
  }

  /// A quarter goes at once, so that the rest is moved seldom.
  private static func makeRoom(_ state: inout State) {
    state.slots.removeAll { $0.event == nil }
    let surplus = state.slots.count - capacity * 3 / 4
    guard surplus > 0 else { return }
    state.dropped = state.slots[surplus - 1].number
    state.slots.removeFirst(surplus)
    let oldest = state.dropped
    state.activity = state.activity.compactMapValues { numbers in
      let kept = numbers.filter { $0 > oldest }
      return kept.isEmpty ? nil : kept
    }
  }

  /// A kernel is gone; what it did stays until there is no room.
  func forget(_ kernel: KernelID) { state.withLock { $0.activity[kernel] = nil } }

  struct Page {
    var events: [FleetEvent] = []
    /// Up to here it was looked.
    var through: Int64
    /// Events before this page are gone that the reader has not seen.
    var isTorn = false
  }

  /// The next events after a number, as many as one look finds.
  func page(after number: Int64, _ filter: EventFilter, limit: Int = EventFeed.most) -> Page {
    state.withLock { state in
      var page = Page(through: max(number, state.dropped), isTorn: number < state.dropped)
      var looked = 0
      for slot in state.slots[state.index(after: page.through)...] {
        guard looked < Self.most, page.events.count < limit else { return page }
        looked += 1
        page.through = slot.number
        if let event = slot.event, filter.accepts(event) { page.events.append(event) }
      }
      page.through = max(page.through, state.last)
      return page
    }
  }

  /// The newest events before a number, oldest first.
  func newest(_ count: Int, before number: Int64, _ filter: EventFilter) -> [FleetEvent] {
    state.withLock { state in
      var found: [FleetEvent] = []
      for slot in state.slots[..<state.index(after: number - 1)].reversed() where found.count < count {
        if let event = slot.event, filter.accepts(event) { found.append(event) }
      }
      return found.reversed()
    }
  }

  // MARK: Waiting

  /// Something to wait on; nil when too many do. It ends with the host.
  func listen() -> (token: Int, news: AsyncStream<Void>, bell: AsyncStream<Void>.Continuation)? {
    let (news, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let (token, isFinished) = state.withLock { state -> (Int?, Bool) in
      guard state.readers.count < Self.mostReaders else { return (nil, false) }
      state.lastReader += 1
      if !state.isFinished { state.readers[state.lastReader] = bell }
      return (state.lastReader, state.isFinished)
    }
    guard let token else { return nil }
    if isFinished { bell.finish() }
    return (token, news, bell)
  }

  func leave(_ token: Int) { state.withLock { _ = $0.readers.removeValue(forKey: token) } }

  /// Those who wait now. For tests and metrics.
  /// Whether one more may follow.
  public var hasRoom: Bool { readers < Self.mostReaders }
  var readers: Int { state.withLock { $0.readers.count } }

  /// Nobody waits any more: the host leaves.
  func finish() {
    let readers = state.withLock { state in
      state.isFinished = true
      defer { state.readers = [:] }
      return Array(state.readers.values)
    }
    for reader in readers { reader.finish() }
  }
}

extension EventFeed.State {
  /// Where the first slot behind a number is.
  fileprivate func index(after number: Int64) -> Int {
    var (low, high) = (0, slots.count)
    while low < high {
      let middle = (low + high) / 2
      if slots[middle].number > number { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
