// How long a fleet is without a host after its host was killed.
import Foundation

enum RecoveryBenchmark: Benchmark {
  static let name = "recovery"
  static let summary = "kill -9 of the host; `fleet up` until GET /kernels shows every kernel, adopted and ready"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    for (count, rounds) in [(20, setting.rounds(10)), (200, setting.rounds(5))] {
      try BenchFleet.with(setting.executables, ports: 5 * count + 100) { fleet in
        let kernels = try fleet.spawn(count)
        var back = Samples()
        for _ in 0..<rounds {
          try fleet.killHost()
          try back.time { try comeBack(fleet, kernels) }
        }
        for kernel in kernels { _ = try kernel.connect().kernelInfo(timeout: .seconds(10)) }
        report.line("\(count) kernels", back)
        report.add(Figure("host back with \(count) kernels after kill -9", back.greatest, atMost: 2, Text.time))
      }
    }
  }

  private static func comeBack(_ fleet: BenchFleet, _ kernels: [BenchFleet.Kernel]) throws {
    try fleet.up()
    try wait(for: "all kernels") {
      let now = try fleet.kernels()
      guard now.count == kernels.count, now.allSatisfy({ $0.status == "idle" }) else { return false }
      guard Set(now.map(\.pid)) == Set(kernels.map(\.pid)) else { throw Failure("kernels were not adopted") }
      return true
    }
  }
}
