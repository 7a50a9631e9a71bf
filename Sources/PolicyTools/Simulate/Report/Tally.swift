// What is counted while a simulation runs.
import FleetEngine

struct Tally {
  private let goals: Goals
  private(set) var ends: [SessionEnd: Int] = [:]
  private(set) var arrivals = 0
  /// Seconds.
  private(set) var waits: [Double] = []
  private(set) var responses: [Double] = []
  private(set) var lateWaits = 0
  private(set) var lateResponses = 0
  private(set) var refusals: [String: Int] = [:]
  private(set) var entries: [EntryPoint: SimulationReport.DecisionCounts] = [:]
  private(set) var clamps: [String: Int] = [:]
  private(set) var failures: [String: Int] = [:]
  private(set) var fired: [String: Int] = [:]
  private(set) var resolved: [String: Int] = [:]
  private(set) var launches = 0
  private(set) var starts = 0
  private(set) var failedStarts = 0
  private(set) var retired = 0
  private(set) var crashes: [String: Int] = [:]
  private(set) var kernelTime: Int64 = 0
  private(set) var running = 0
  private(set) var peak = 0
  private(set) var unfinished = 0
  var hostRestarts = 0
  var series: [Measure] = []

  init(_ scenario: Scenario) { goals = scenario.goals }

  mutating func arrived() { arrivals += 1 }

  mutating func left(_ end: SessionEnd) { ends[end, default: 0] += 1 }

  mutating func waited(_ time: Int64) {
    waits.append(Double(time) / 1e9)
    if let goal = goals.wait, time > goal { lateWaits += 1 }
  }

  mutating func executed(_ time: Int64) {
    responses.append(Double(time) / 1e9)
    if let goal = goals.response, time > goal { lateResponses += 1 }
  }

  mutating func refused(_ error: EngineError) { refusals[error.message, default: 0] += 1 }

  mutating func launched(_ now: Int64) {
    launches += 1
    running += 1
    peak = max(peak, running)
  }

  mutating func started(_ now: Int64) { starts += 1 }

  mutating func spent(_ kernel: SimulatedKernel, until now: Int64) { kernelTime += now - kernel.launchedAt }

  mutating func ended(_ kernel: SimulatedKernel, _ info: ExitInfo) {
    running -= 1
    if kernel.isCondemned {
      retired += 1
    } else if !kernel.isReady {
      failedStarts += 1
    } else {
      crashes[info.reason(limits: kernel.specification.limits), default: 0] += 1
    }
  }

  mutating func decided(_ decision: Decision) {
    var entry = entries[decision.question.entry, default: SimulationReport.DecisionCounts()]
    entry.asked += 1
    if decision.policy.answer != nil { entry.answered += 1 }
    if decision.isFallback { entry.fallbacks += 1 }
    if let failure = decision.policy.failure { failures[failure, default: 0] += 1 }
    if !decision.clamps.isEmpty { entry.clamped += 1 }
    for clamp in decision.clamps { clamps[clamp, default: 0] += 1 }
    entry.outcomes[decision.outcome.word, default: 0] += 1
    entries[decision.question.entry] = entry
  }

  mutating func alerted(_ changes: [AlertChange]) {
    for change in changes {
      switch change {
      case .firing(let alert): fired[alert.condition.name, default: 0] += 1
      case .resolved(let alert): resolved[alert.condition.name, default: 0] += 1
      }
    }
  }

  mutating func end(present: Int, alerts: [Alert]) { unfinished = present }
}

extension Answer {
  /// The one word that tells most.
  var word: String {
    switch self {
    case .admit(.allow): "allow"
    case .admit(.reject), .route(.reject): "reject"
    case .route(.use): "use"
    case .route(.spawn): "spawn"
    case .route(.wait): "wait"
    case .scale: "scale"
    case .alert(let conditions): conditions.isEmpty ? "quiet" : "conditions"
    case .restart(.restart): "restart"
    case .restart(.giveUp): "give up"
    }
  }
}

/// The fleet at one moment.
public struct Measure: Sendable, Hashable {
  /// Seconds since the begin.
  public var time: Double
  /// Processes: all, those that have not answered yet, those with a client.
  public var kernels: Int
  public var starting: Int
  public var used: Int
  /// Clients that have a kernel, and clients that wait for one.
  public var clients: Int
  public var waiting: Int
  /// Since the begin.
  public var arrivals: Int
}

extension Simulation {
  static let measures = 480

  func measure() {
    var measure = Measure(
      time: Double(now) / 1e9, kernels: processes.count, starting: 0, used: 0, clients: 0, waiting: waitingCount,
      arrivals: tally.arrivals)
    for kernel in processes.values {
      if !kernel.isReady { measure.starting += 1 }
      if !kernel.clients.isEmpty { measure.used += 1 }
      measure.clients += kernel.clients.count
    }
    tally.series.append(measure)
    plan(.measure, in: max(1, scenario.duration / Int64(Self.measures)))
  }
}
