// What limits cost when a kernel is started.
import JSON
import JupyterProtocol

enum LimitsBenchmark: Benchmark {
  static let name = "limits"
  static let summary = "POST /kernels to kernel_info_reply, with every limit and with none; and a share of 0.25 kept"

  private static let limits: JSON = [
    "memory_limit": "512M", "cpu_limit": 1, "processes": 64, "open_files": 256, "file_size": "1G", "nice": 1,
    "best_effort": true,
  ]

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables) { fleet in
      var (free, limited) = (Samples(), Samples())
      for round in 0..<(setting.rounds(80) + 3) {
        let times = (try spawn(fleet, [:]), try spawn(fleet, limits))
        guard round >= 3 else { continue }  // the first ones warm the caches
        free.add(times.0)
        limited.add(times.1)
      }
      report.line("without limits", free)
      report.line("with every limit", limited)
      let overhead = limited.median - free.median
      report.add(Figure("overhead of limits on a spawn", max(0, overhead), atMost: 0.001, Text.time))
      try share(setting, fleet, &report)
    }
  }

  private static func spawn(_ fleet: BenchFleet, _ limits: JSON) throws -> Duration {
    let start = ContinuousClock.now
    let kernel = try fleet.spawn(limits)
    let client = try kernel.connect()
    _ = try client.kernelInfo(timeout: .seconds(30))
    let time = ContinuousClock.now - start
    try fleet.stop(kernel)
    return time
  }

  /// A busy loop under `--cpu 0.25`, by its CPU time over some seconds.
  private static func share(_ setting: Setting, _ fleet: BenchFleet, _ report: inout Report) throws {
    let kernel: BenchFleet.Kernel
    do { kernel = try fleet.spawn(["cpu_limit": 0.25]) } catch {
      report.line("no share of processors can be enforced here: \(error)")
      return
    }
    let loop = try fleet.start("exec", kernel.id, "while true do end")
    defer { loop.kill() }
    try wait(for: "the loop") { try ProcessUse.cpuTime(of: kernel.pid) > 0.5 }
    let before = try ProcessUse.cpuTime(of: kernel.pid)
    let start = ContinuousClock.now
    try wait(for: "some seconds") { (ContinuousClock.now - start).inSeconds >= 8 * setting.effort }
    let used = try ProcessUse.cpuTime(of: kernel.pid) - before
    let share = used / (ContinuousClock.now - start).inSeconds
    report.add(
      Figure("share of a busy loop under --cpu 0.25, off by", abs(share - 0.25), atMost: 0.03) {
        "\(Text.percent($0)) of a core"
      })
    try fleet.stop(kernel)
  }
}
