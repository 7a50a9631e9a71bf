// What a simulation showed.
import FleetConfiguration
import FleetEngine
import JSON

/// The outcome of one run of a scenario. Times are in seconds.
public struct SimulationReport: Sendable {
  public let name: String
  public let summary: String?
  /// What was compared, such as a file's name; empty for a run alone.
  public var variant = ""
  public let seed: UInt64
  public let duration: Double
  public let begins: Double
  /// The files' names, by entry point.
  public let policies: [EntryPoint: [String]]
  public let arrivals: Int
  /// How many clients came to which end.
  public let ends: [String: Int]
  public let unfinished: Int
  /// For a kernel, and for answers to executions.
  public let waits: Percentiles
  public let responses: Percentiles
  public let lateWaits: Int
  public let lateResponses: Int
  public let refusals: [String: Int]
  public let entries: [EntryPoint: DecisionCounts]
  public let clamps: [String: Int]
  public let failures: [String: Int]
  /// Names of alerts, and how often they began to fire, and were resolved.
  public let fired: [String: Int]
  public let resolved: [String: Int]
  public let launches: Int
  public let failedStarts: Int
  public let retired: Int
  public let crashes: [String: Int]
  public let kernelSeconds: Double
  public let peak: Int
  public let hostRestarts: Int
  public let series: [Measure]
  let goals: Goals

  public struct DecisionCounts: Sendable, Hashable {
    public var asked = 0
    /// A policy had an opinion.
    public var answered = 0
    public var fallbacks = 0
    public var clamped = 0
    /// By the words of what was done: use, spawn, wait, reject, …
    public var outcomes: [String: Int] = [:]
  }

  init(_ scenario: Scenario, _ tally: Tally) {
    name = scenario.name
    summary = scenario.summary
    seed = scenario.seed
    duration = Double(scenario.duration) / 1e9
    begins = Double(scenario.begins) / 1e9
    policies = scenario.policies.filter { !$0.value.isEmpty }.mapValues { $0.map(FilePath.name) }
    arrivals = tally.arrivals
    ends = Dictionary(uniqueKeysWithValues: SessionEnd.allCases.map { ($0.rawValue, tally.ends[$0] ?? 0) })
    unfinished = tally.unfinished
    waits = Percentiles(tally.waits)
    responses = Percentiles(tally.responses)
    lateWaits = tally.lateWaits
    lateResponses = tally.lateResponses
    refusals = tally.refusals
    entries = tally.entries
    clamps = tally.clamps
    failures = tally.failures
    fired = tally.fired
    resolved = tally.resolved
    launches = tally.launches
    failedStarts = tally.failedStarts
    retired = tally.retired
    crashes = tally.crashes
    kernelSeconds = Double(tally.kernelTime) / 1e9
    peak = tally.peak
    hostRestarts = tally.hostRestarts
    series = tally.series
    goals = scenario.goals
  }

  func count(_ end: SessionEnd) -> Int { ends[end.rawValue] ?? 0 }

  /// The share of clients that were served to their end, of those whose end is known; 1 of none.
  public var success: Double {
    let over = arrivals - unfinished
    return over == 0 ? 1 : Double(count(.served)) / Double(over)
  }

  /// What was wanted of the scenario and was not reached, each as a sentence.
  public var misses: [String] {
    var misses: [String] = []
    if let goal = goals.wait, lateWaits > 0 {
      let share = Words.percent(Double(lateWaits) / Double(max(1, waits.count)))
      misses.append(
        "\(Words.count(lateWaits)) of \(Words.count(waits.count)) waited longer than \(Words.time(Double(goal) / 1e9)) for a kernel (\(share))"
      )
    }
    if let goal = goals.response, lateResponses > 0 {
      let share = Words.percent(Double(lateResponses) / Double(max(1, responses.count)))
      misses.append(
        "\(Words.count(lateResponses)) of \(Words.count(responses.count)) answers took longer than \(Words.time(Double(goal) / 1e9)) (\(share))"
      )
    }
    if let goal = goals.success, success < goal {
      misses.append("\(Words.percent(success)) of the clients were served, where \(Words.percent(goal)) were wanted")
    }
    return misses
  }
}

/// Runs scenarios.
public enum Simulator {
  /// - Parameters:
  ///   - isRecorded: whether the rows and decisions are kept as a trace, which a replay can ask again.
  ///   - log: takes what the policies log.
  /// - Throws: `PolicyError` if a policy cannot be used.
  public static func run(
    _ scenario: Scenario, isRecorded: Bool = false, log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> (report: SimulationReport, trace: Trace?) {
    let simulation = try Simulation(scenario, isRecorded: isRecorded, log: log)
    simulation.run()
    return (SimulationReport(scenario, simulation.tally), simulation.recorder?.trace)
  }
}

extension Simulator {
  /// How fast it went, as a sentence.
  public static func speed(_ report: SimulationReport, _ took: Duration, name: String = "") -> String {
    let seconds = max(1e-6, took.seconds)
    let what = name.isEmpty ? "" : " with \(name)"
    return "simulated \(Words.time(report.duration))\(what) in \(Words.time(seconds)): "
      + "\(Words.fixed(report.duration / seconds, 0)) times as fast as the clock"
  }
}
