// How long a person waits for `fleet list`.

enum ListBenchmark: Benchmark {
  static let name = "list"
  static let summary = "`fleet list` with 20 kernels as a process, and `fleet --version`"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables) { fleet in
      _ = try fleet.spawn(20)
      var listed = Samples()
      var started = Samples()
      let rounds = setting.rounds(100)
      for round in 0..<(rounds + 5) {
        let start = ContinuousClock.now
        try fleet.command("list")
        let middle = ContinuousClock.now
        try fleet.command("--version")
        guard round >= 5 else { continue }
        listed.add(middle - start)
        started.add(ContinuousClock.now - middle)
      }
      report.line("fleet list", listed)
      report.line("fleet --version", started)
      report.add(Figure("fleet list with 20 kernels", listed.median, atMost: 0.015, Text.time))
    }
  }
}
