// What it costs to ask a policy, beside what the policy's own code takes.
import Dispatch
import FleetEngine
import Foundation
import PolicyHost
import Synchronization

enum DecisionBenchmark: Benchmark {
  static let name = "decision"
  static let summary =
    "a routing decision in the policy's thread, and the same function called with the same rows from plain C"

  private static let question = PolicyQuestion(
    .route(Requirements(language: "lua", config: "openai.toml")), now: Instant(nanoseconds: 0), seed: 1)

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let shipped = try policy("policies/least_loaded.lua")
    let simple = try policy("Benchmarks/Policies/every_row.lua")
    for count in [10, 100, 1000] {
      var fleet = try SimulatedRows(count)
      let helped = try measure(shipped, fleet, setting, &report)
      report.add(Figure("decision at \(count) kernels, by plain C", helped.byPlainC, atMost: 1.5, Text.ratio))
      if count >= 100 {
        let most = count == 100 ? 2e-6 : 3e-6
        report.add(Figure("decision at \(count) kernels", helped.decision.inSeconds, atMost: most, Text.time))
      }
      let looped = try measure(simple, fleet, setting, &report)
      report.add(Figure("the same without helpers, by plain C", looped.byPlainC, atMost: 1.5, Text.ratio))
      let alone = "\(Text.ratio(helped.byCallAlone)), without helpers \(Text.ratio(looped.byCallAlone))"
      report.add(Figure(name: "the same by the bare call alone", aim: "", measured: alone))
      try live(shipped, &fleet, setting, &report)
    }
  }

  private static func measure(
    _ path: String, _ fleet: SimulatedRows, _ setting: Setting, _ report: inout Report
  ) throws -> PolicyMeasurement {
    let rounds = setting.rounds(101)
    let measured = try PolicyMeasurement(
      path: path, rows: fleet.rows, question: question, rounds: rounds, decisions: 200)
    let name = URL(fileURLWithPath: path).lastPathComponent
    report.line("\(fleet.rows.count) kernels, \(name), the quietest of \(rounds) rounds of 200:")
    let parts = [
      "decision \(Text.time(measured.decision.inSeconds))", "from plain C \(Text.time(measured.bare.inSeconds))",
      "the call alone \(Text.time(measured.callOnly.inSeconds))",
      "decision with its garbage \(Text.time(measured.withCollection.inSeconds))",
    ]
    report.line("  " + parts.joined(separator: ", "))
    return measured
  }

  /// The same in a policy host, one of whose rows changes before each decision, as it does in a fleet.
  private static func live(
    _ path: String, _ fleet: inout SimulatedRows, _ setting: Setting, _ report: inout Report
  ) throws {
    // A machine that is busy with something else must not turn answers into time-outs.
    let budget = PolicyBudget(route: .seconds(1), grace: .seconds(1))
    let host = PolicyHost(route: [path], budget: budget) { print("  \($0.text)") }
    host.apply(fleet.rows.map(KernelRowChange.put))
    var inside = Samples()
    var outside = Samples()
    for round in 0..<setting.rounds(5000) + 100 {
      host.apply([.put(fleet.change())])
      let start = ContinuousClock.now
      let answer = ask(host)
      let time = ContinuousClock.now - start
      if let failure = answer.failure { throw Failure("the policy failed: \(failure)") }
      guard round >= 100 else { continue }
      inside.add(answer.duration)
      outside.add(time)
    }
    report.line("one at a time, in its thread", inside)
    report.line("one at a time, from ask to reply", outside)
  }

  private static func ask(_ host: PolicyHost) -> PolicyAnswer {
    let answer = Mutex<PolicyAnswer>(PolicyAnswer())
    let done = DispatchSemaphore(value: 0)
    host.ask(question) { reply in
      answer.withLock { $0 = reply }
      done.signal()
    }
    done.wait()
    return answer.withLock { $0 }
  }

  /// A file of the checkout that this was built in.
  private static func policy(_ path: String) throws -> String {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../" + path).standardized.path
    guard access(file, R_OK) == 0 else { throw Failure("there is no policy \(file)") }
    return file
  }
}

extension PolicyMeasurement {
  fileprivate var byPlainC: Double { decision.inSeconds / bare.inSeconds }
  fileprivate var byCallAlone: Double { decision.inSeconds / callOnly.inSeconds }
}

/// Kernels that exist as rows only, all of which match the question.
struct SimulatedRows {
  private(set) var rows: [KernelRow]
  private var next = 0

  init(_ count: Int) throws {
    rows = try (1...count).map { serial in
      let specification = Specification(
        kernelspec: "fleet-lua", language: "lua", config: "/etc/llmspell/fleet/configs/openai.toml",
        provider: "openai", model: "m\(serial % 5)", name: "kernel\(serial)", labels: ["team": "t\(serial % 7)"],
        owner: "o\(serial % 10)")
      guard let id = KernelID(uuid: UUID().uuidString) else { throw Failure("this is no UUID") }
      var kernel = Kernel(id: id, serial: serial, specification: specification, key: "", port: 10_000 + 5 * serial)
      kernel.status = .idle
      kernel.connections = serial * 7919 % 97
      kernel.readySince = Instant(nanoseconds: Int64(serial) * 1_000_000)
      kernel.idleSince = Instant(nanoseconds: Int64(serial) * 2_000_000)
      kernel.sample = Sample(memory: Int64(serial) << 16, cpu: Double(serial) / 10, threads: 4)
      kernel.latency = Double(serial * 31 % 100) / 1000
      return KernelRow(kernel)
    }
  }

  /// One kernel has another number of clients.
  mutating func change() -> KernelRow {
    next = (next + 7) % rows.count
    rows[next].clients = (rows[next].clients + 13) % 97
    return rows[next]
  }
}
