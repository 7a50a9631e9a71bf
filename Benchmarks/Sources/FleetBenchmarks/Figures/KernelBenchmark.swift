// The Lua kernel beside the kernels that its users have otherwise.
import Foundation
import JupyterProtocol

enum KernelBenchmark: Benchmark {
  static let name = "kernel"
  static let summary = "the Lua kernel, ilua and ipykernel: start, private memory, execution, output, interrupt"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let directory = try TemporaryDirectory.make(name)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // what is left in /tmp spoils no figure
    let (ilua, ipykernel) = try JupyterKernel.others()
    let kernels = [JupyterKernel.ours(setting.executables), ilua, ipykernel]
    try start(kernels, directory, setting, &report)

    let running = try kernels.map { try RunningKernel($0, in: directory) }
    defer { for kernel in running { kernel.end() } }
    for kernel in running { try kernel.client.waitUntilReady(timeout: .seconds(60)) }
    try memory(running, &report)
    try execution(running, setting, &report)
    try output(running, setting, &report)
    try interrupt(running[0], setting, &report)
  }

  private static func start(
    _ kernels: [JupyterKernel], _ directory: String, _ setting: Setting, _ report: inout Report
  ) throws {
    var samples = [Samples](repeating: Samples(), count: kernels.count)
    for _ in 0..<setting.rounds(15) {
      for (index, kernel) in kernels.enumerated() {
        let running = try RunningKernel(kernel, in: directory)
        samples[index].add(running.startTime)
        running.end()
      }
    }
    for (kernel, times) in zip(kernels, samples) { report.line("start of \(kernel.name)", times) }
    for index in 1...2 {
      report.add(
        Figure(
          "kernel: start to kernel_info_reply, by \(kernels[index].name)", samples[0].median / samples[index].median,
          atMost: 0.1, Text.ratio))
    }
  }

  private static func memory(_ kernels: [RunningKernel], _ report: inout Report) throws {
    for kernel in kernels { try kernel.execute("1") }
    let sizes = try kernels.map { try $0.privateMemory() }
    for (kernel, size) in zip(kernels, sizes) {
      report.line("private memory of \(kernel.kernel.name)", Text.megabytes(size))
    }
    for index in 1...2 {
      report.add(
        Figure(
          "kernel: private memory, by \(kernels[index].kernel.name)", sizes[0] / sizes[index], atMost: 0.1, Text.ratio))
    }
    report.add(Figure("kernel: private memory", sizes[0], atMost: 4 * 1_048_576, Text.megabytes))
  }

  private static func execution(
    _ kernels: [RunningKernel], _ setting: Setting, _ report: inout Report
  ) throws {
    var samples = [Samples](repeating: Samples(), count: kernels.count)
    let rounds = setting.rounds(1000)
    for round in 0..<(rounds + 50) {
      for (index, kernel) in kernels.enumerated() {
        let start = ContinuousClock.now
        try kernel.execute("1")
        if round >= 50 { samples[index].add(ContinuousClock.now - start) }
      }
    }
    for (kernel, times) in zip(kernels, samples) { report.line("`1` to idle, \(kernel.kernel.name)", times) }
    report.add(
      Figure(
        "kernel: execute `1` to idle, by ilua", samples[0].median / samples[1].median, atMost: 0.35, Text.ratio))
  }

  private static func output(_ kernels: [RunningKernel], _ setting: Setting, _ report: inout Report) throws {
    var rates: [Double] = []
    for kernel in kernels {
      let lines = Int(1_000_000 * min(1, setting.effort))
      var best = 0.0
      for _ in 0..<3 {
        let start = ContinuousClock.now
        let arrived = try kernel.execute(kernel.kernel.printing(lines))
        guard arrived == lines else { throw Failure("\(kernel.kernel.name): \(arrived) of \(lines) lines arrived") }
        best = max(best, Double(lines) / (ContinuousClock.now - start).inSeconds)
      }
      rates.append(best)
      report.line("\(lines) lines of \(kernel.kernel.name)", "\(Int(best)) lines a second")
    }
    let ratio = rates[0] / rates[1]
    report.add(
      Figure(
        name: "kernel: lines of output a second, by ilua", aim: "≥ 10×", measured: Text.ratio(ratio), isMet: ratio >= 10
      ))
  }

  private static func interrupt(_ kernel: RunningKernel, _ setting: Setting, _ report: inout Report) throws {
    var samples = Samples()
    for _ in 0..<setting.rounds(100) {
      var start = ContinuousClock.now
      try kernel.execute(kernel.kernel.looping) { output in
        guard case .stream = output else { return }
        start = .now
        kernel.client.interruption.signal()
      }
      samples.add(ContinuousClock.now - start)
    }
    report.line("interrupt of a tight loop to idle", samples)
    report.add(Figure("kernel: interrupt of a tight loop, at most", samples.greatest, atMost: 0.02, Text.time))
  }
}
