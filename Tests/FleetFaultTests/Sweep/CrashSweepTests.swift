// The registry under fire: a host is killed, or its disk fails, at the n-th call that it makes on its files. A sample of
// all n in the ordinary tests, every n in make soak.
import Glibc
import Testing

extension FaultTests {
  @Suite struct CrashSweeps {
    /// One fleet for each operation, so that what fails is small to look at.
    @Test(arguments: Operation.allCases)
    func `killed at any call, it loses nothing`(operation: Operation) async throws {
      try await Self.sweep(operation, [.kill, .tear], kinds: .all, sample: 10)
    }

    @Test(arguments: Operation.allCases)
    func `a disk that fails at any call costs nothing that was acknowledged`(operation: Operation) async throws {
      let errors = [ENOSPC, EIO, EROFS]
      let faults = errors.map(Fault.failOnce) + errors.map(Fault.failOn)
      try await Self.sweep(operation, faults, kinds: .all, sample: 2)
    }

    private static func sweep(
      _ operation: Operation, _ faults: [Fault], kinds: CallKinds, sample: Int
    ) async throws {
      try await FaultFleet.with { fleet in
        let sweep = try CrashSweep(fleet)
        var random = SeededRandom.announced("sweep of \(operation)")
        let calls = try sweep.count(operation, kinds: kinds)
        for fault in faults {
          // One more than there are: what comes late varies a little.
          let all = Array(1...(calls + 1))
          let numbers = Scale.isLong ? all : Array(all.shuffled(using: &random).prefix(sample))
          for number in numbers { try sweep.round(operation, fault, at: number, kinds: kinds) }
        }
        let tally = sweep.tally
        print(
          "sweep of \(operation), \(calls) calls: \(tally.faults) faults at \(tally.calls.sorted { $0.key < $1.key }), "
            + "\(tally.acknowledged) acknowledged, \(tally.refused) refused, \(tally.unanswered) unanswered; "
            + "0 lost, 0 doubled, 0 orphaned")
      }
    }
  }
}

/// One after the other: each has a machine's worth of processes.
@Suite(.serialized) struct FaultTests {}
