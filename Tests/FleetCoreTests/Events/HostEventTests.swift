// What a host tells as it happens, with real kernels, also through its own restart.
import FleetEngine
import Foundation
import GRDB
import JSON
import Testing

@testable import FleetCore

@Suite struct HostEventTests {
  /// Reads until an event of this kind comes; all that were read.
  private func read(
    _ reader: EventReader, until kind: FleetEvent.Kind, within limit: Duration = .seconds(30)
  ) async throws -> [FleetEvent] {
    let deadline = ContinuousClock.now + limit
    var seen: [FleetEvent] = []
    while !seen.contains(where: { $0.kind == kind }) {
      try #require(ContinuousClock.now < deadline, "no \(kind) among \(seen.map(\.kind))")
      for case .event(let event) in try await #require(reader.next()) { seen.append(event) }
    }
    return seen
  }

  @Test func aKernelsLifeIsTold() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.engine.backoff.first = .milliseconds(50) }
      let reader = try host.follow(after: nil, EventFilter(), patience: .milliseconds(100))
      let kernel = try await host.spawn(fleet.request(["language": "python", "name": "alice", "owner": "ann"]))
      var seen = try await read(reader, until: .ready)
      #expect(seen.map(\.kind) == [.spawned, .ready])
      #expect(seen.allSatisfy { $0.kernel?.description == kernel.id && $0.name == "alice" && $0.owner == "ann" })
      _ = try await fleet.execute(kernel, "x = 1")
      seen = try await read(reader, until: .idle)
      // The client asks who the kernel is before it runs something.
      #expect(seen.map(\.kind).filter(\.isActivity).prefix(2) == [.busy, .idle])
      kill(try #require(kernel.pid), SIGKILL)
      seen = try await read(reader, until: .restarted)
      #expect(seen.map(\.kind).filter { !$0.isActivity } == [.died, .restarting, .restarted])
      _ = try await host.stop("alice", force: true, timeout: .seconds(1))
      seen = try await read(reader, until: .stopped)
      // Its owner is known though the kernel is gone by now.
      #expect(seen.last?.owner == "ann" && seen.last?.name == "alice")
    }
  }

  @Test func ownersSeeTheirOwn() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let reader = try host.follow(after: nil, EventFilter(owner: "ann"), patience: .milliseconds(100))
      _ = try await host.spawn(fleet.request(["language": "python", "name": "bobs", "owner": "bob"]))
      _ = try await host.spawn(fleet.request(["language": "python", "name": "anns", "owner": "ann"]))
      let seen = try await read(reader, until: .ready)
      #expect(Set(seen.map(\.name)) == ["anns"])
      let all = try await host.events(after: nil, EventFilter(), limit: 100)
      #expect(Set(all.compactMap(\.owner)) == ["ann", "bob"])
      #expect(try await host.events(after: nil, EventFilter(owner: "ann"), limit: 100).allSatisfy { $0.owner == "ann" })
    }
  }

  @Test func whoWasAwayGoesOnWhereTheyLeftAlsoBehindARestart() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      let first = try await host.spawn(fleet.request(["language": "python", "name": "alice"]))
      let place = try #require(try await host.events(after: nil, EventFilter(kinds: [.spawned]), limit: 1).first).id
      try await fleet.drop()

      host = try fleet.start()
      _ = try await fleet.wait(host, "alice", for: .idle)
      let reader = try host.follow(after: place, EventFilter(), patience: .milliseconds(100))
      let seen = try await read(reader, until: .adopted)
      let kept = seen.filter { !$0.kind.isActivity }
      #expect(kept.map(\.kind) == [.ready, .adopted] && kept.first?.id.run == place.run)
      #expect(kept.allSatisfy { $0.id > place && $0.kernel?.description == first.id })
      #expect(seen.map(\.id) == seen.map(\.id).sorted())
      // The same as a page, and the last ones without a place.
      let page = try await host.events(after: place, EventFilter(kinds: [.ready, .adopted]), limit: 10)
      #expect(page.map(\.id) == kept.map(\.id))
      let last = try await host.events(after: nil, EventFilter(kinds: [.spawned, .ready, .adopted]), limit: 10)
      #expect(last.map(\.kind) == [.spawned, .ready, .adopted])
      let paged = try await host.events(after: place, EventFilter(kinds: [.ready, .adopted]), limit: 1)
      #expect(paged.map(\.kind) == [.ready])
    }
  }

  @Test func whatIsGoneIsSaidToBeGone() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      _ = await host.counts()
      func first(after id: FleetEvent.ID) async throws -> EventReader.Item? {
        try await host.follow(after: id, EventFilter(), patience: .milliseconds(20)).next()?.first
      }
      let run = host.events.run
      // An earlier run of which nothing is kept, a later one, and a number that has not been given yet.
      let start = FleetEvent.ID(run: run, number: 0)
      #expect(try await first(after: FleetEvent.ID(run: run - 1, number: 5)) == .reset(start))
      #expect(try await first(after: FleetEvent.ID(run: run + 1, number: 5)) == .reset(start))
      #expect(try await first(after: FleetEvent.ID(run: run, number: 5)) == .reset(host.events.last))
      for _ in 0...EventFeed.capacity { host.events.append(.routed, time: 0) }
      guard case .reset(let place) = try await first(after: start) else {
        Issue.record("nothing was said of what is gone")
        return
      }
      #expect(place.number == host.events.oldest - 1 && place.run == run)
    }
  }

  @Test func aReaderThatReadsNothingHoldsUpNobody() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let slow = try host.follow(after: nil, EventFilter(), patience: .seconds(60))
      _ = await host.counts()
      for number in 0..<50_000 { host.events.append(.routed, time: Int64(number)) }
      let fast = try host.follow(
        after: FleetEvent.ID(run: host.events.run, number: 49_990), EventFilter(), patience: .seconds(60))
      #expect(try await fast.next()?.count == 10)
      guard case .reset = try await #require(slow.next()).first else {
        Issue.record("it was not told that it missed something")
        return
      }
      #expect(host.events.readers == 2)
    }
  }

  @Test func anOlderRegistryGetsIdsFromNowOn() async throws {
    try await HostFixture.with { fleet in
      // As a version without ids made it.
      let database = try DatabaseQueue(path: fleet.directory.database)
      try await database.write { db in
        try db.execute(
          sql: """
            CREATE TABLE events (
              id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kernel TEXT, event TEXT NOT NULL,
              detail TEXT NOT NULL);
            INSERT INTO events (time, kernel, event, detail) VALUES (1, NULL, 'storage', 'of an older version');
            """)
      }
      try database.close()
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      #expect(try await host.kernel(kernel.id)["events"]?.array?.count == 2)
      let events = try await host.events(after: nil, EventFilter(), limit: 10)
      #expect(events.map(\.kind).prefix(2) == [.spawned, .ready])
    }
  }
}
