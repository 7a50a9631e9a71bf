// What befalls kernels, and what clients and policies see of it.
import FleetEngine
import Testing

@testable import PolicyTools

@Suite struct FaultTests {
  private func run(_ text: String) throws -> SimulationReport {
    try Simulator.run(try Scenarios.parse("duration = \"10m\"\n" + text)).report
  }

  private let one = """
    [kernels.default]
    start = "100ms"
    [[spawn]]
    count = 1
    [[clients]]
    arrivals = "constant(1/s)"
    from = "1s"
    service = "100ms"

    """

  @Test func withoutFaultsAllAreServed() throws {
    let report = try run(one)
    #expect(report.arrivals == 599)
    #expect(report.success == 1)
    #expect(report.peak == 1)
    #expect(report.responses.maximum < 0.101)
    #expect(abs(report.kernelSeconds - 600) < 0.1)
  }

  @Test func aKilledKernelLosesItsClientsAndIsRestarted() throws {
    let report = try run(one + "[[faults]]\nkind = \"kill\"\nat = \"60050ms\"")
    #expect(report.ends["lost"] == 1)
    #expect(report.crashes == ["killed by SIGKILL": 1])
    #expect(report.launches == 2)
    // While it is down another one is started, or its clients wait.
    #expect(report.success > 0.99)
  }

  @Test func aKernelThatUsesTooMuchMemoryIsEnded() throws {
    let report = try run(
      """
      [kernels.default]
      memory = "10M"
      memory_per_execution = "1M"
      [[spawn]]
      memory = "50M"
      [[clients]]
      arrivals = "constant(1/s)"
      from = "1s"
      count = 100
      service = "10ms"
      """)
    #expect(report.crashes.keys.contains("out of memory: its limit of 50 MiB"))
    #expect(report.crashes.values.reduce(0, +) >= 2)
  }

  @Test func aHungKernelIsNotGivenToAnybodyUntilItGoesOn() throws {
    let report = try run(one + "[[faults]]\nkind = \"hang\"\nat = \"1m\"\nfor = \"2m\"")
    // Who was there when it hung waits for its end; later ones get another kernel.
    #expect(report.peak == 2)
    #expect(report.responses.maximum > 100)
    #expect(report.responses.p90 < 1)
    #expect(report.ends["served"]! + report.unfinished == report.arrivals)
  }

  @Test func aSlowKernelIsSlowForAWhile() throws {
    let report = try run(
      one.replacing("service = \"100ms\"", with: "service = \"100ms\"\ntimeout = \"1s\"")
        + "[[faults]]\nkind = \"slow\"\nat = \"1m\"\nfor = \"30s\"\nfactor = 30")
    #expect((10...60).contains(report.ends["unanswered"]!))
    #expect(report.series.last!.clients <= 1)
  }

  @Test func startsThatFailAreRefusals() throws {
    let report = try run(
      """
      [[clients]]
      arrivals = "constant(1/s)"
      asks = "spawn"
      [[faults]]
      kind = "fail_starts"
      at = "1m"
      for = "1m"
      """)
    #expect((58...61).contains(report.failedStarts))
    #expect(report.ends["refused"] == report.failedStarts)
    #expect(report.refusals.keys.contains { $0.contains("did not start") || $0.contains("ended before it answered") })
  }

  @Test func clientsWaitForAHostThatRestarts() throws {
    let report = try run(one + "[[faults]]\nkind = \"restart_host\"\nat = \"1m\"\nfor = \"10s\"")
    #expect(report.hostRestarts == 1)
    #expect(report.launches == 1, "the kernel is adopted")
    #expect((9.0...10.1).contains(report.waits.maximum))
    #expect(report.success == 1)
  }

  @Test func whoWaitsTooLongGivesUp() throws {
    let report = try run(
      """
      [kernels.default]
      start = "5s"
      [[clients]]
      arrivals = "constant(1/m)"
      asks = "spawn"
      patience = "2s"
      """)
    #expect(report.ends["impatient"] == 10)
    #expect(report.waits.count == 0)
  }

  @Test func tooFewCoresMakeEverythingSlow() throws {
    func response(_ cores: Int) throws -> Double {
      try run(
        """
        [host]
        cores = \(cores)
        [[spawn]]
        count = 8
        [[clients]]
        arrivals = "poisson(6/s)"
        from = "5s"
        service = "500ms"
        """
      ).responses.mean
    }
    #expect(try response(2) > 1.5 * response(0))
  }

  @Test func alertsFireAndAreResolved() throws {
    let files = try TemporaryFiles()
    defer { files.remove() }
    let policy = try files.write(
      "unhealthy.lua",
      """
      return {
        alert = function(fleet)
          local alerts = {}
          for kernel in fleet:where { status = "unhealthy" }:each() do
            alerts[#alerts + 1] = { name = "Unhealthy", kernel = kernel, ["for"] = 30 }
          end
          return alerts
        end,
      }
      """)
    let scenario = try Scenarios.parse(
      "duration = \"10m\"\n" + one + "[[faults]]\nkind = \"hang\"\nat = \"1m\"\nfor = \"2m\"")
    let report = try Simulator.run(try scenario.with(policies: [policy], locator: Scenarios.locator)).report
    #expect(report.fired == ["Unhealthy": 1])
    #expect(report.resolved == ["Unhealthy": 1])
  }

  @Test func aPolicyThatFailsIsReplacedByTheHostsRule() throws {
    let files = try TemporaryFiles()
    defer { files.remove() }
    let policy = try files.write("broken.lua", "return { route = function(request) return request.nothing.at.all end }")
    let scenario = try Scenarios.parse("duration = \"1m\"\n" + one)
    let report = try Simulator.run(try scenario.with(policies: [policy], locator: Scenarios.locator)).report
    #expect(report.success == 1)
    #expect(report.entries[.route]?.fallbacks == report.arrivals)
    #expect(report.failures["broken.lua is set aside after 5 failures in a row"] == report.arrivals - 5)
    #expect(report.text(width: 80).contains("by the native rule, for the policy failed"))
  }
}
