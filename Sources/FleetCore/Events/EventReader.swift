// Somebody who follows events from a certain one on: first what the registry has of earlier runs, then what happens.
import FleetEngine

/// Used by one task at a time; it waits no more when it is gone.
public final class EventReader {
  public enum Item: Sendable, Hashable {
    case event(FleetEvent)
    /// Events are gone that the reader has not seen; it goes on behind this one.
    case reset(FleetEvent.ID)
  }

  private let feed: EventFeed
  private let filter: EventFilter
  private let database: RegistryDatabase
  private let lookups: BlockingQueue
  private let token: Int
  private var news: AsyncStream<Void>.AsyncIterator
  private let ticker: Task<Void, Never>
  /// What was told last.
  public private(set) var place: FleetEvent.ID
  private var isFirst = true

  /// - Parameters:
  ///   - after: the event that was seen last; nil begins with what happens from now on.
  ///   - patience: how long `next` waits for news at most.
  /// - Throws: `limit` if too many wait already.
  init(
    _ host: FleetHost, after: FleetEvent.ID?, _ filter: EventFilter, patience: Duration
  ) throws(EngineError) {
    feed = host.events
    database = host.database
    lookups = host.lookups
    self.filter = filter
    guard let (token, news, bell) = feed.listen() else {
      throw EngineError(.limit, "\(EventFeed.mostReaders) clients follow events already; close one of them")
    }
    self.token = token
    self.news = news.makeAsyncIterator()
    ticker = Task {
      // Cancelled when the reader is gone.
      while (try? await Task.sleep(for: patience)) != nil { bell.yield() }
    }
    place = after ?? feed.last
  }

  deinit {
    ticker.cancel()
    feed.leave(token)
  }

  /// What happened since, oldest first; nothing if `patience` went by without news; nil when the host leaves.
  /// - Throws: `storage` if earlier runs cannot be read.
  public func next() async throws -> [Item]? {
    if isFirst {
      isFirst = false
      if let reset = try await start() { return [reset] }
    }
    if place.run < feed.run {
      let earlier = try await past()
      if !earlier.isEmpty { return earlier.map(Item.event) }
    }
    if let items = look() { return items }
    guard await news.next() != nil else { return look() }
    return look() ?? []
  }

  /// Whether the place is one from which nothing was lost; if not, a better one.
  private func start() async throws -> Item? {
    if place.run == feed.run {
      guard place.number > feed.last.number else { return nil }
      return reset(to: feed.last)
    }
    let (database, place) = (database, place)
    let oldest = try await onDisk { () throws(StorageError) in try database.oldestEvent() }
    guard let oldest, oldest.run < feed.run, place.run < feed.run else {
      return reset(to: FleetEvent.ID(run: feed.run, number: 0))
    }
    // Whoever has seen nothing of a run stands before its first event.
    let edge = FleetEvent.ID(run: oldest.run, number: oldest.number - 1)
    return place < edge ? reset(to: edge) : nil
  }

  /// What is left of earlier runs; when there is nothing any more, the place is the beginning of this one.
  private func past() async throws -> [FleetEvent] {
    let (database, place, filter, run) = (database, place, filter, feed.run)
    let found = try await onDisk { () throws(StorageError) in
      try database.events(after: place, before: FleetEvent.ID(run: run, number: 0), filter, limit: EventFeed.most)
    }
    self.place = found.last?.id ?? FleetEvent.ID(run: run, number: 0)
    return found
  }

  /// Nil if there is nothing new.
  private func look() -> [Item]? {
    while true {
      let page = feed.page(after: place.number, filter)
      let former = place
      place.number = page.through
      if page.isTorn {
        return [.reset(FleetEvent.ID(run: feed.run, number: page.through(before: page.events)))]
          + page.events.map(Item.event)
      }
      if !page.events.isEmpty { return page.events.map(Item.event) }
      if place == former { return nil }
    }
  }

  private func reset(to place: FleetEvent.ID) -> Item {
    self.place = place
    return .reset(place)
  }

  private func onDisk<Value: Sendable>(
    _ work: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(EngineError) -> Value {
    do throws(StorageError) { return try await lookups.run(work) } catch {
      throw EngineError(.storage, error.description)
    }
  }
}

extension EventFeed.Page {
  /// The place just before what is told.
  fileprivate func through(before events: [FleetEvent]) -> Int64 { events.first.map { $0.id.number - 1 } ?? through }
}
