// The same scenario, policies and seed give the same output, byte for byte.
import FleetEngine
import JSON
import Testing

@testable import PolicyTools

@Suite struct DeterminismTests {
  static let mixed = """
    duration = "10m"
    [policies]
    route = "power_of_two.lua"
    restart = "patient_restart.lua"
    scale = "panic_mode.lua"
    [pools.small]
    kernelspec = "python3"
    max = 4
    warm = 1
    [[spawn]]
    count = 5
    [kernels.default]
    start = "lognormal(500ms, 0.5)"
    start_failures = 0.1
    memory = "normal(60M, 10M)"
    crash = "exponential(10m)"
    [[clients]]
    arrivals = "poisson(20/m)"
    executions = "uniform(1, 6)"
    service = "exponential(400ms)"
    think = "pareto(100ms, 1.5)"
    people = 10
    timeout = "20s"
    [[clients]]
    name = "notebooks"
    asks = "spawn"
    language = "python"
    kernelspec = "python3"
    arrivals = "ramp(0/m, 4/m)"
    length = "exponential(1m)"
    executions = 100
    think = "5s"
    [[faults]]
    kind = "hang"
    every = "exponential(1m)"
    for = "40s"
    [[faults]]
    kind = "restart_host"
    at = "5m"
    for = "10s"
    [[faults]]
    kind = "slow_starts"
    at = "2m"
    for = "1m"
    """

  @Test func twiceTheSameBytes() throws {
    let scenario = try Scenarios.parse(Self.mixed)
    let (first, trace) = try Simulator.run(scenario, isRecorded: true)
    let (second, _) = try Simulator.run(scenario)
    #expect(first.json().text() == second.json().text())
    #expect(first.text(width: 90) == second.text(width: 90))
    #expect(trace == (try Simulator.run(scenario, isRecorded: true).trace)?.withDurations(of: trace))
    #expect(first.arrivals > 200)
    #expect(first.hostRestarts == 1)
    #expect(first.ends.values.reduce(0, +) + first.unfinished == first.arrivals)
  }

  @Test func anotherSeedIsAnotherDay() throws {
    var scenario = try Scenarios.parse(Self.mixed)
    let first = try Simulator.run(scenario).report
    scenario.seed = 2
    #expect(try Simulator.run(scenario).report.json().text() != first.json().text())
  }

  @Test func allPoliciesMeetTheSameClients() throws {
    let scenario = try Scenarios.parse(Self.mixed)
    let reports = try Scenarios.compare(scenario, "round_robin", "random_kernel", "native")
    #expect(Set(reports.map(\.arrivals)).count == 1)
    #expect(Set(reports.map { $0.series.map(\.arrivals) }).count == 1)
    #expect(Set(reports.map { $0.json().text() }).count == 3)
  }
}

extension Trace {
  /// With the durations of another one: how long this machine took over an answer is another each time.
  func withDurations(of other: Trace?) -> Trace {
    var copy = self
    for (index, entry) in copy.entries.enumerated() {
      guard case .decision(var decision, let time) = entry, let other, index < other.entries.count,
        case .decision(let model, _) = other.entries[index]
      else { continue }
      decision.policy.duration = model.policy.duration
      copy.entries[index] = .decision(decision, at: time)
    }
    return copy
  }
}
