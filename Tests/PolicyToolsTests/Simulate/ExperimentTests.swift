// The published experiments among the scenarios come out as they were published.
import Testing

@testable import PolicyTools

@Suite struct ExperimentTests {
  @Test(arguments: [1, 2, 3] as [UInt64]) func aSlowBackendCostsRoundRobinMostAndPeakEWMALeast(seed: UInt64) throws {
    var scenario = try Scenarios.shipped("slow_backend")
    scenario.seed = seed
    let reports = try Scenarios.compare(scenario, "round_robin", "least_loaded", "peak_ewma")
    // Jenson 2016: about 95, 99 and 99.9 %.
    #expect((0.93..<0.965).contains(reports[0].success))
    #expect((0.985..<0.996).contains(reports[1].success))
    #expect(reports[2].success > 0.998)
    #expect(Set(reports.map(\.arrivals)).count == 1)
  }

  @Test func twoChoicesBeatChanceAndTheLeastLoadedOnOldNumbers() throws {
    var scenario = try Scenarios.shipped("stale_view")
    scenario.duration = 200 * Scenario.second
    scenario.clients[0].end = scenario.duration
    let reports = try Scenarios.compare(scenario, "random_kernel", "power_of_two", "least_loaded")
    let (random, two, least) = (reports[0].responses, reports[1].responses, reports[2].responses)
    #expect(two.mean < random.mean * 0.8)
    #expect(two.p99 < random.p99 * 0.8)
    #expect(random.mean < least.mean / 2)
  }

  @Test func theLeastLoadedIsBestOnFreshNumbers() throws {
    var scenario = try Scenarios.shipped("stale_view")
    scenario.duration = 100 * Scenario.second
    scenario.clients[0].end = scenario.duration
    scenario.host.connections = 0
    let reports = try Scenarios.compare(scenario, "random_kernel", "power_of_two", "least_loaded")
    #expect(reports[2].responses.mean < reports[1].responses.mean)
    #expect(reports[1].responses.mean < reports[0].responses.mean)
  }

  @Test func aPoolGrowsOnMondayMorningAndShrinksAndHurtsNobody() throws {
    let scenario = try Scenarios.shipped("monday")
    let reports = try Scenarios.compare(scenario, "native", "target_utilisation", "panic_mode")
    for report in reports {
      #expect(report.arrivals > 100)
      #expect(report.ends["lost"] == 0)
      #expect(report.peak == 8)
      // The two warm ones at night, before and after.
      #expect(report.series[10].kernels == 2)
      #expect(report.series.last!.kernels == 2)
      #expect(report.crashes.isEmpty)
    }
    #expect(reports[1].kernelSeconds < reports[0].kernelSeconds * 0.95)
    #expect(reports[0].lateWaits == 0)
    #expect(reports[1].entries[.scale]!.answered > 1000)
    #expect(reports[1].clamps.keys.contains { $0.hasPrefix("asked ") })
  }

  @Test func forgottenNotebooksAreCulledAndNobodyLosesHis() throws {
    let reports = try Scenarios.compare(try Scenarios.shipped("notebooks"), "native", "cull_idle")
    let (native, culled) = (reports[0], reports[1])
    #expect(native.arrivals > 60 && native.arrivals == culled.arrivals)
    #expect(native.series.last!.kernels == native.arrivals, "nobody shuts them down")
    // The last have come six hours ago, and the longest cell ended three hours ago.
    #expect(culled.series.last!.kernels == 0)
    #expect(culled.peak < native.peak * 2 / 3)
    for report in reports { #expect(report.ends["lost"] == 0 && report.ends["unanswered"] == 0) }
  }

  @Test func aFlappingKernelIsGivenUpByTheHostAndKeptByAPatientPolicy() throws {
    let scenario = try Scenarios.shipped("flapping")
    let reports = try Scenarios.compare(scenario, "native", "patient_restart")
    #expect(reports[0].crashes == ["exited with code 139": 5])
    #expect(reports[0].series.last!.kernels == 2)
    #expect(reports[0].entries[.restart]?.outcomes["give up"] == 1)
    #expect(reports[1].series.last!.kernels == 3)
    #expect((6...9).contains(reports[1].crashes["exited with code 139"]!))
    #expect(reports[1].entries[.restart]?.outcomes["give up"] == nil)
  }
}
