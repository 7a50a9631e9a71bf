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

  private static let question = RouteQuestion(
    requirements: Requirements(language: "lua", config: "openai.toml"), now: Instant(nanoseconds: 0), seed: 1)

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let path = try policy()
    for count in [10, 100, 1000] {
      var fleet = try SimulatedRows(count)
      let measured = try PolicyMeasurement(
        path: path, rows: fleet.rows, question: question, rounds: setting.rounds(101), decisions: 200)
      let (decision, plain) = (measured.decision.inSeconds, measured.bare.inSeconds)
      report.line(
        "\(count) kernels: decision \(Text.time(decision)), from plain C \(Text.time(plain)), of which the call alone "
          + Text.time(measured.callOnly.inSeconds))
      report.line(
        "  the quietest of \(setting.rounds(101)) rounds of 200; with its garbage collected "
          + "\(Text.time(measured.withCollection.inSeconds)); \(measured.bytesPerRow) bytes a row")
      report.add(Figure("decision at \(count) kernels, by plain C", decision / plain, atMost: 1.5, Text.ratio))
      report.add(
        Figure(
          name: "decision at \(count) kernels, by the call alone", aim: "",
          measured: Text.ratio(decision / measured.callOnly.inSeconds)))
      if count >= 100 {
        report.add(Figure("decision at \(count) kernels", decision, atMost: count == 100 ? 2e-6 : 3e-6, Text.time))
      }
      try live(path, &fleet, setting, &report)
    }
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
    report.line("  one at a time, in its thread", inside)
    report.line("  one at a time, from ask to reply", outside)
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

  /// The one that ships with the program, from the checkout that this was built in.
  private static func policy() throws -> String {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../policies/least_loaded.lua").standardized.path
    guard access(path, R_OK) == 0 else { throw Failure("there is no policy \(path)") }
    return path
  }
}

/// Kernels that exist as rows only, all of which match the question.
private struct SimulatedRows {
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
