// How long a pool waits whose kernels do not start; how latencies are averaged.
import Testing

@testable import FleetEngine

struct StartBackoffTests {
  private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

  @Test func itDoublesToFiveMinutes() {
    var backoff = StartBackoff()
    var now = at(0)
    var delays: [Double] = []
    for _ in 1...11 {
      backoff.failed("no", now)
      let retryAt = backoff.retryAt ?? .never
      delays.append((retryAt - now).seconds)
      #expect(!backoff.allows(now))
      #expect(backoff.allows(retryAt))
      now = retryAt
    }
    #expect(delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
  }

  @Test func whatFailsTogetherCountsOnce() {
    var backoff = StartBackoff()
    for _ in 1...5 { backoff.failed("no", at(0)) }
    #expect(backoff.failures == 1)
    backoff.failed("no", at(1))
    #expect(backoff.failures == 2)
    #expect(backoff.retryAt == at(3))
  }

  @Test func aMinuteOfPeaceForgives() {
    var backoff = StartBackoff()
    backoff.failed("no", at(0))
    backoff.failed("no", at(1))
    backoff.failed("no", at(62.9))
    #expect(backoff.failures == 3)
    backoff.failed("no", at(126.9))
    #expect(backoff.failures == 1)
    backoff.succeeded()
    #expect(backoff.problem == nil)
  }

  @Test func badNewsCountsAtOnceAndGoodNewsOverTime() {
    #expect(PeakEWMA.average(nil, age: .zero, sample: 0.5) == 0.5)
    #expect(PeakEWMA.average(0.5, age: .zero, sample: 2) == 2)
    #expect(PeakEWMA.average(2, age: .zero, sample: 0.1) == 2)
    let later = PeakEWMA.average(2, age: .seconds(10), sample: 1)
    #expect(abs(later - (1 + 0.3679)) < 0.001)
    #expect(PeakEWMA.average(2, age: .seconds(100_000), sample: 1) == 1)
  }
}
