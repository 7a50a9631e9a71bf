// The ring of events: bounded, in order, and honest about what is gone.
import FleetEngine
import Testing

@testable import FleetCore

@Suite struct EventFeedTests {
  private let feed = EventFeed(run: 7)

  private func append(_ kind: FleetEvent.Kind, _ kernel: Int? = nil, owner: String? = nil, _ detail: String = "") {
    feed.append(kind, time: 0, kernel: kernel.map(KernelID.number), owner: owner, detail: detail)
  }

  @Test func idsCountUpAndComeBackFromText() throws {
    #expect(feed.last == FleetEvent.ID(run: 7, number: 0))
    append(.spawned, 1)
    append(.ready, 1)
    let page = feed.page(after: 0, EventFilter())
    #expect(page.events.map(\.id.description) == ["7-1", "7-2"] && page.through == 2 && !page.isTorn)
    #expect(feed.page(after: 1, EventFilter()).events.map(\.kind) == [.ready])
    let id = try #require(FleetEvent.ID("1764234438123-17"))
    #expect(id.run == 1_764_234_438_123 && id.number == 17 && FleetEvent.ID("\(id)") == id)
    #expect(FleetEvent.ID(run: 1, number: 9) < FleetEvent.ID(run: 2, number: 1))
    for text in ["", "7", "7-", "-7", "7-1-2", "a-1", "7--1", " 7-1", "99999999999999999999-1"] {
      #expect(FleetEvent.ID(text) == nil, "\(text)")
    }
  }

  @Test func filtersTakeOnlyWhatFits() {
    append(.spawned, 1, owner: "ann")
    append(.spawned, 2, owner: "bob")
    append(.died, 1, owner: "ann")
    append(.scaled)
    func seen(_ filter: EventFilter) -> [Int64] { feed.page(after: 0, filter).events.map(\.id.number) }
    #expect(seen(EventFilter(kernel: .known(.number(1)))) == [1, 3])
    #expect(seen(EventFilter(kernel: .called("\(KernelID.number(2))"))) == [2])
    #expect(seen(EventFilter(kinds: [.died, .scaled])) == [3, 4])
    #expect(seen(EventFilter(owner: "bob")) == [2])
    #expect(seen(EventFilter(kinds: [.scaled], owner: "ann")).isEmpty)
    #expect(feed.newest(2, before: .max, EventFilter()).map(\.id.number) == [3, 4])
    #expect(feed.newest(9, before: 3, EventFilter()).map(\.id.number) == [1, 2])
  }

  @Test func theOldestGoWhenThereIsNoRoomAndWhoMissedThemIsTold() {
    for _ in 0...EventFeed.capacity { append(.routed, 1) }
    let kept = EventFeed.capacity * 3 / 4
    #expect(feed.newest(.max, before: .max, EventFilter()).count == kept)
    let page = feed.page(after: 1, EventFilter())
    #expect(page.isTorn && page.events.first?.id.number == feed.oldest && page.events.count == EventFeed.most)
    #expect(!feed.page(after: feed.oldest - 1, EventFilter()).isTorn)
    #expect(feed.last.number == Int64(EventFeed.capacity + 1))
  }

  @Test func aKernelThatIsBusyAllTheTimePushesOutOnlyItsOwnPast() throws {
    append(.spawned, 1)
    append(.spawned, 2)
    for _ in 0..<EventFeed.capacity {
      append(.busy, 1)
      append(.idle, 1)
    }
    #expect(feed.oldest == 1)
    let events = feed.newest(.max, before: .max, EventFilter())
    #expect(events.map(\.kind).prefix(2) == [.spawned, .spawned])
    #expect(events.count == 2 + EventFeed.mostActivity && events.last?.kind == .idle)
    // Nothing but states is gone, and the last of them are there: that is no loss.
    var (place, found, looks) = (Int64(0), 0, 0)
    while place < feed.last.number {
      let page = feed.page(after: place, EventFilter())
      #expect(!page.isTorn)
      (place, found, looks) = (page.through, found + page.events.count, looks + 1)
      try #require(looks < 1000)
    }
    #expect(found == events.count)
  }

  @Test func whoListensIsWokenAndTheEndIsTold() async throws {
    let (token, news, _) = try #require(feed.listen())
    var iterator = news.makeAsyncIterator()
    append(.spawned, 1)
    append(.ready, 1)
    #expect(await iterator.next() != nil)
    feed.finish()
    #expect(await iterator.next() == nil)
    feed.leave(token)
    let (_, late, _) = try #require(feed.listen())
    var other = late.makeAsyncIterator()
    #expect(await other.next() == nil)
  }

  @Test func onlySoManyMayListen() throws {
    let listeners = (0..<EventFeed.mostReaders).compactMap { _ in feed.listen() }
    #expect(listeners.count == EventFeed.mostReaders && feed.listen() == nil)
    feed.leave(try #require(listeners.first).token)
    #expect(feed.listen() != nil)
  }

  /// Every name of a note is a type of events, and comes back from the registry.
  @Test func notesAreEvents() {
    for kind in FleetEvent.Kind.allCases {
      guard let name = kind.stored else { continue }
      #expect(FleetEvent.Kind(name) == kind)
    }
    #expect(FleetEvent.Kind(.alert) == .alerted && FleetEvent.Kind.busy.stored == nil)
  }
}
