// What it costs to know what a thousand kernels use.
import FleetClient
import FleetCore
import FleetEngine
import FleetServer
import Foundation

enum MetricsBenchmark: Benchmark {
  static let name = "metrics"
  static let summary = "a round of sampling and the text of a scrape with 1,000 processes; scrapes of real fleets"

  private static let processes = 1000
  /// Real kernels; with more the machine would be measured.
  private static let fleets = [50, 100, 200]

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try sampling(setting, &report)
    text(setting, &report)
    try scrapes(setting, &report)
  }

  // MARK: 1,000 processes

  private static func sampling(_ setting: Setting, _ report: inout Report) throws {
    OpenFiles.raiseLimit()
    let sleepers = try (0..<processes).map { _ in try Child(["/bin/sleep", "1000"]) }
    defer { sleepers.forEach { $0.kill() } }
    let all = sleepers.enumerated().compactMap { index, child in
      KernelID(uuid: uuid(index)).map { ($0, FleetEngine.Process(shim: getpid(), kernel: child.pid, startedAt: 0)) }
    }
    let sampler = UsageSampler(DescriptorBudget(3 * processes))
    let poor = UsageSampler(DescriptorBudget(0))
    var kept = Samples()
    var opened = Samples()
    for round in 0..<(setting.rounds(50) + 2) {
      let (first, firstCount) = ownTime { sampler.round(all).count }
      let (second, secondCount) = ownTime { poor.round(all).count }
      guard firstCount == processes, secondCount == processes else { throw Failure("not all processes were sampled") }
      // The first rounds open the files.
      guard round >= 2 else { continue }
      kept.add(seconds: first)
      opened.add(seconds: second)
    }
    report.line("round of 1,000, files kept open", kept)
    report.line("round of 1,000, files opened anew", opened)
    report.add(Figure("CPU of a round of sampling 1,000 processes", kept.median, atMost: 0.010, Text.time))
    report.add(Figure("CPU of sampling one process", kept.median / Double(processes), atMost: 10e-6, Text.time))
  }

  private static func uuid(_ index: Int) -> String {
    "00000000-0000-4000-8000-" + String(1_000_000_000_000 + index).dropFirst()
  }

  /// CPU time of this thread, so that what others do meanwhile does not count.
  private static func ownTime<Result>(_ body: () -> Result) -> (Double, Result) {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    let result = body()
    return (now() - start, result)
  }

  // MARK: The text

  private static func text(_ setting: Setting, _ report: inout Report) {
    let usage = ProcessUsage(pid: getpid())
    let kernels = (0..<processes).map { index in
      var kernel = FleetMetrics.Kernel(id: "kernel-\(0x1000_0000 + index)", port: 9555 + 5 * index, language: "lua")
      kernel.usage = usage
      kernel.memory = usage.map { Double($0.residentBytes) }
      (kernel.cpu, kernel.threads, kernel.uptime, kernel.busy) = (0.1234 + Double(index), 5, 1234.567, 12.345)
      return kernel
    }
    let metrics = FleetMetrics(kernels: kernels)
    var samples = Samples()
    var size = 0
    for _ in 0..<setting.rounds(100) {
      let (time, bytes) = ownTime { metrics.exposition(.openMetrics, .all, version: "0").count }
      samples.add(seconds: time)
      size = bytes
    }
    report.line("text of 1,000 kernels, \(Text.megabytes(Double(size)))", samples)
    report.add(Figure("CPU of the text of a scrape with 1,000 kernels", samples.median, atMost: 0.005, Text.time))
  }

  // MARK: Real fleets

  /// From the request to the last byte, over the control socket, a quarter of a second apart so that each has a round of
  /// its own; and what the host worked for it.
  private static func scrapes(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables, ports: 5 * fleets[fleets.count - 1] + 100) { fleet in
      var (walls, works): ([Double], [Double]) = ([], [])
      var count = 0
      for wanted in fleets {
        _ = try fleet.spawn(wanted - count)
        count = wanted
        sleep(1)
        var wall = Samples()
        let rounds = setting.rounds(30)
        var work = 0.0
        for round in 0..<(rounds + 3) {
          usleep(250_000)
          let before = try ProcessUse.cpuTime(of: fleet.host)
          let start = ContinuousClock.now
          _ = try fleet.client.exposition()
          let elapsed = ContinuousClock.now - start
          guard round >= 3 else { continue }
          wall.add(elapsed)
          work += try ProcessUse.cpuTime(of: fleet.host) - before
        }
        report.line("scrape of \(wanted) kernels", wall)
        report.line("  CPU of the host for it", Text.time(work / Double(rounds)))
        walls.append(wall.median)
        works.append(work / Double(rounds))
      }
      // A line through the smallest and the largest fleet.
      func extrapolated(_ values: [Double]) -> Double {
        let last = fleets.count - 1
        let slope = (values[last] - values[0]) / Double(fleets[last] - fleets[0])
        return values[last] + slope * Double(processes - fleets[last])
      }
      report.add(
        Figure("scrape of 1,000 kernels, extrapolated from 200", extrapolated(walls), atMost: 0.010, Text.time))
      report.line("CPU of the host for a scrape of 1,000, extrapolated", Text.time(extrapolated(works)))
    }
  }
}
