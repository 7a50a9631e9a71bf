// Requests that come twice are done once.
import FleetEngine
import Foundation
import JSON
import Synchronization
import Testing

@testable import FleetCore

@Suite struct RepeatedRequestsTests {
  private let repeats = RepeatedRequests()

  private func key(_ name: String, body: String = "body") -> RequestKey { RequestKey(key: name, body: body, at: 0) }

  private func answer(_ text: String) -> RepeatedRequests.Answer { .init(status: 201, body: Array(text.utf8)) }

  private final class Counter: Sendable {
    let count = Mutex(0)
  }

  @Test func theSecondGetsWhatTheFirstGot() async throws {
    let first = try await repeats.once(key("a")) { answer("one") }
    let second = try await repeats.once(key("a")) { answer("two") }
    let other = try await repeats.once(key("b")) { answer("three") }
    #expect(first.answer == answer("one") && !first.isRepeated)
    #expect(second.answer == answer("one") && second.isRepeated)
    #expect(other.answer == answer("three") && !other.isRepeated)
  }

  @Test func aKeyStandsForOneRequest() async throws {
    _ = try await repeats.once(key("a")) { answer("one") }
    let repeats = repeats
    let other = key("a", body: "other")
    #expect(
      await refusal { try await repeats.once(other) { .init(status: 200, body: []) }.isRepeated }?.code == .keyReused)
  }

  @Test func aHundredAtOnceAreOne() async throws {
    let (gate, open) = AsyncStream.makeStream(of: Void.self)
    let counter = Counter()
    let repeats = repeats
    let key = key("a")
    let answers = try await withThrowingTaskGroup(of: (RepeatedRequests.Answer, Bool).self) { group in
      for _ in 0..<100 {
        group.addTask {
          let (answer, isRepeated) = try await repeats.once(key) {
            let number = counter.count.withLock { count in
              count += 1
              return count
            }
            for await _ in gate { break }
            return .init(status: 201, body: [UInt8(number)])
          }
          return (answer, isRepeated)
        }
      }
      open.yield()
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(counter.count.withLock { $0 } == 1 && answers.allSatisfy { $0.0.body == [1] })
    #expect(answers.count { !$0.1 } == 1)
  }

  @Test func aFailureIsNotKept() async throws {
    let repeats = repeats
    let key = key("a")
    let refused = await refusal { try await repeats.once(key) { throw EngineError(.limit, "full") }.isRepeated }
    #expect(refused?.code == .limit)
    let again = try await repeats.once(key) { answer("there is room") }
    #expect(!again.isRepeated && again.answer == answer("there is room"))
  }

  @Test func theOldestAnswersGiveWay() async throws {
    let large = RepeatedRequests.Answer(status: 200, body: [UInt8](repeating: 0, count: 3 << 20))
    for name in ["a", "b", "c"] { _ = try await repeats.once(key(name)) { large } }
    #expect(try await !repeats.once(key("a")) { answer("anew") }.isRepeated)
    #expect(try await repeats.once(key("c")) { answer("anew") }.isRepeated)
  }

  /// Also when the host that knew of it is gone: the kernel says what it was started for.
  @Test func aKernelKnowsItsRequestAlsoUnderAnotherHost() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      var request = try fleet.request(["language": "python", "name": "alice"])
      let now = FleetHost.wallMilliseconds()
      request.key = RequestKey(key: "k", body: "b", at: now)
      #expect(try await host.kernel(startedFor: RequestKey(key: "k", body: "b", at: now)) == nil)
      let kernel = try await host.spawn(request)
      try await fleet.drop()
      host = try fleet.start()
      let found = try await host.kernel(startedFor: RequestKey(key: "k", body: "b", at: now + 1000))
      #expect(found?["uuid"] == kernel["uuid"])
      let reopened = host
      let other = await refusal {
        try await reopened.kernel(startedFor: RequestKey(key: "k", body: "c", at: now)) == nil
      }
      #expect(other?.code == .keyReused)
      let later = RequestKey(key: "k", body: "b", at: now + 25 * 3_600_000)
      #expect(try await host.kernel(startedFor: later) == nil)
    }
  }
}
