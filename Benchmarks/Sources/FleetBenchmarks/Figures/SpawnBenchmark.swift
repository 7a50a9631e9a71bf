// How much longer a kernel takes to its first answer when a host starts it.

enum SpawnBenchmark: Benchmark {
  static let name = "spawn"
  static let summary = "POST /kernels to kernel_info_reply, and the bare start of the same command to the same reply"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let rounds = setting.rounds(60)
    try BenchFleet.with(setting.executables) { fleet in
      let first = try fleet.spawn()
      let bare = try BareKernel(like: first, in: fleet.directory)
      report.line("bare start: " + bare.command)
      try fleet.stop(first)

      var spawned = Samples()
      var started = Samples()
      for round in 0..<(rounds + 3) {
        let withHost = try spawn(fleet)
        let alone = try start(bare)
        guard round >= 3 else { continue }  // the first ones warm the caches
        spawned.add(withHost)
        started.add(alone)
      }
      report.line("by the host", spawned)
      report.line("bare", started)
      report.add(
        Figure("spawn to kernel_info_reply, by the bare start", spawned.median / started.median, atMost: 2, Text.ratio))
    }
  }

  private static func spawn(_ fleet: BenchFleet) throws -> Duration {
    let start = ContinuousClock.now
    let kernel = try fleet.spawn()
    let client = try kernel.connect()
    _ = try client.kernelInfo(timeout: .seconds(30))
    let time = ContinuousClock.now - start
    try fleet.stop(kernel)
    return time
  }

  private static func start(_ bare: BareKernel) throws -> Duration {
    let prepared = try bare.prepare()
    let start = ContinuousClock.now
    let (child, client) = try bare.start(prepared)
    let time = ContinuousClock.now - start
    try bare.end(child, client, prepared)
    return time
  }
}
