// What kernels and their host take while nobody uses them.
import Foundation

enum IdleBenchmark: Benchmark {
  static let name = "idle"
  static let summary = "private memory (RssAnon) and CPU time of a host and 20 Lua kernels that nobody uses"

  private static let count = 20

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let seconds = Int((30 * setting.effort).rounded(.up))
    try BenchFleet.with(setting.executables) { fleet in
      let kernels = try fleet.spawn(count)
      let processes = [fleet.host] + kernels.flatMap { [$0.shim, $0.pid] }
      sleep(2)  // the registry's mirror and the last answers
      let before = try processes.map(ProcessUse.cpuTime)
      let start = ContinuousClock.now
      sleep(UInt32(seconds))
      let elapsed = (ContinuousClock.now - start).inSeconds
      let used = zip(try processes.map(ProcessUse.cpuTime), before).map { $0 - $1 }

      let own = try kernels.map { try ProcessUse.privateMemory(of: $0.pid) }.sorted()
      let shims = try kernels.map { try ProcessUse.privateMemory(of: $0.shim) }.sorted()
      let host = try ProcessUse.privateMemory(of: fleet.host)
      report.line("kernel \(Text.megabytes(own[count / 2])), at most \(Text.megabytes(own[count - 1]))")
      report.line("shim \(Text.megabytes(shims[count / 2])), at most \(Text.megabytes(shims[count - 1]))")
      report.line("CPU of the host \(Text.percent(used[0] / elapsed)) of one core over \(seconds) s")
      report.line("CPU of the kernels and shims \(Text.percent(used.dropFirst().reduce(0, +) / elapsed))")

      let megabyte = 1_048_576.0
      let largest = own[count - 1] + shims[count - 1]
      report.add(
        Figure("private memory of an idle Lua kernel and its shim", largest, atMost: 4 * megabyte, Text.megabytes))
      report.add(Figure("private memory of the host with 20 kernels", host, atMost: 12 * megabyte, Text.megabytes))
      report.add(
        Figure("CPU of 20 idle kernels, shims and host", used.reduce(0, +) / elapsed, atMost: 0.005, Text.percent))
    }
  }
}
