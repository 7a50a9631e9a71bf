// How much kernels notice of one that misbehaves beside them.
import JSON
import JupyterProtocol

enum NeighboursBenchmark: Benchmark {
  static let name = "neighbours"
  static let summary =
    "execute on one kernel, alone, while another under limits misbehaves, and beside busy loops that are no kernels"

  /// What a kernel does, and the limits under which it does it.
  private struct Attack {
    let what: String
    let limits: JSON
    let code: String
    /// Threads that it keeps on processors: with as many of anybody's, the system itself lets others wait so long.
    var busy = 1
  }

  private static let attacks = [
    Attack(
      what: "memory hog under --memory 64M", limits: ["memory_limit": "64M"],
      code: "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"),
    Attack(
      what: "fork bomb under --processes 64", limits: ["processes": 64],
      code: "os.execute([[bash -c 'bomb() { bomb | bomb & }; bomb; sleep 1000' 2>/dev/null]])"),
    Attack(
      what: "100,000 open files under --open-files 256", limits: ["open_files": 256],
      code: "while true do local t = {} for i = 1, 100000 do t[i] = io.open('/dev/null') end end"),
    Attack(what: "busy loop under --cpu 0.25", limits: ["cpu_limit": 0.25], code: "while true do end"),
    Attack(
      what: "flood of output", limits: [:], code: "os.execute('exec yes a line of a flood of output')", busy: 2),
  ]

  /// The three in turn, again and again: what the machine does besides changes, and of 100 rounds that the system makes
  /// wait for a slice of somebody's, one more or less is what decides about a p99.
  private static let blocks = 8

  private struct Outcome {
    var quiet = Samples()
    var loud = Samples()
    /// Beside busy loops of the system.
    var floor = Samples()
  }

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables) { fleet in
      let client = try fleet.spawn().connect()
      try client.waitUntilReady(timeout: .seconds(10))
      _ = try measure(client, setting.rounds(500))
      for attack in attacks {
        guard let outcome = try outcome(of: attack, on: client, fleet, setting, &report) else { continue }
        add(attack, outcome, to: &report)
      }
    }
  }

  private static func outcome(
    of attack: Attack, on client: KernelClient, _ fleet: BenchFleet, _ setting: Setting, _ report: inout Report
  ) throws -> Outcome? {
    let rounds = setting.rounds(1000)
    var outcome = Outcome()
    for _ in 0..<blocks {
      guard let attacker = try attacker(attack, fleet, &report) else { return nil }
      outcome.quiet.add(try measure(client, rounds))
      let script = try fleet.start("exec", attacker.id, attack.code)
      try wait(for: "the attack") { try begun(attacker) }
      outcome.loud.add(try measure(client, rounds))
      script.kill()
      try fleet.stop(attacker)
      outcome.floor.add(try besideLoops(attack.busy) { try measure(client, rounds) })
    }
    return outcome
  }

  private static func add(_ attack: Attack, _ outcome: Outcome, to report: inout Report) {
    let (quiet, loud, floor) = (outcome.quiet, outcome.loud, outcome.floor)
    for (place, samples) in [("alone", quiet), ("beside it", loud), ("beside \(attack.busy) busy loops", floor)] {
      report.line("\(attack.what), \(place):", samples)
      // As long as the system lets one who is busy go on.
      report.line("  over 1 ms: \(Text.percent(samples.share(above: 0.001))) of the rounds")
    }
    let name = "of execute beside a \(attack.what)"
    report.add(Figure("median \(name)", loud.median / quiet.median, atMost: 1.2, Text.ratio))
    report.add(Figure("p99 \(name)", loud.p99 / quiet.p99, atMost: 1.2, Text.ratio))
    report.add(
      Figure(
        "p99 \(name), by that beside as many busy loops of no kernel", loud.p99 / floor.p99, atMost: 1.2, Text.ratio))
  }

  private static func besideLoops(_ count: Int, _ body: () throws -> Samples) throws -> Samples {
    let loops = try (0..<count).map { _ in try Child(["/bin/sh", "-c", "while :; do :; done"]) }
    defer { loops.forEach { $0.kill() } }
    return try body()
  }

  private static func attacker(
    _ attack: Attack, _ fleet: BenchFleet, _ report: inout Report
  ) throws -> BenchFleet.Kernel? {
    do { return try fleet.spawn(attack.limits) } catch {
      report.line("\(attack.what) is left out: \(error)")
      return nil
    }
  }

  /// It has used some CPU time, or is gone already, as a memory hog is.
  private static func begun(_ attacker: BenchFleet.Kernel) throws -> Bool {
    guard let time = try? ProcessUse.cpuTime(of: attacker.pid) else { return true }
    return try time > 0.05 || ProcessUse.hasChildren(attacker.pid)
  }

  private static func measure(_ client: KernelClient, _ rounds: Int) throws -> Samples {
    var samples = Samples()
    for _ in 0..<rounds {
      let start = ContinuousClock.now
      let reply = try client.execute(ExecuteRequest("1"), timeout: .seconds(30))
      samples.add(ContinuousClock.now - start)
      guard reply.outcome == .ok else { throw Failure("the execution failed: \(reply.content.text())") }
    }
    return samples
  }
}
