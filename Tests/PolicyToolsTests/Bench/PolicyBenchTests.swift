import FleetEngine
import PolicyHost
import Testing

@testable import PolicyTools

private func file(_ text: String) -> AuthorFile { AuthorFile(path: "b.lua", text: text) }

@Test func decisionsOfAllEntryPointsAreMeasured() throws {
  let policy = file(
    """
    local function none() return nil, "none" end
    return {
      route = function(request, fleet) return { use = fleet:match(request):least("clients").id }, "x" end,
      admit = none, scale = none, alert = none, restart = none,
    }
    """)
  for entry in EntryPoint.allCases {
    let bench = try PolicyBench(policy, entry, rows: 20, decisions: 50)
    #expect(bench.samples.durations.count == 50)
    #expect(bench.samples.failures.count == 0, "\(bench.samples.failures.first ?? "")")
    #expect(bench.samples.updates.count == 50)
    #expect(bench.duration(50) > .zero && bench.duration(50) <= bench.duration(99))
    #expect(bench.json["rows"]?.int == 20)
    #expect(bench.json["entry"]?.string == entry.rawValue)
  }
  let bench = try PolicyBench(policy, .route, rows: 20, decisions: 50)
  #expect(bench.samples.bytesPerRow > 50 && bench.samples.bytesPerRow < 5000)
  #expect(bench.allocated > 0)
}

@Test func aDecisionThatFailsIsCountedAndExplained() throws {
  let bench = try PolicyBench(
    file("return { route = function(request, fleet) return { use = fleet:first().id }, 'x' end }"), .route, rows: 0,
    decisions: 10)
  #expect(bench.samples.failures.count == 10)
  #expect(bench.samples.failures.first?.hasPrefix("b.lua:1: attempt to index a nil value") == true)
  #expect(bench.samples.bytesPerRow == 0)
}

@Test func whatIsNotThereCannotBeMeasured() {
  #expect(throws: PolicyError.self) {
    try PolicyBench(file("return { route = function() return nil, 'x' end }"), .scale, rows: 1)
  }
  #expect(throws: PolicyError.self) { try PolicyBench(file("return {"), .route, rows: 1) }
  #expect(throws: PolicyError.self) {
    try PolicyBench(file("return { restart = function() return nil, 'x' end }"), .restart, rows: 0)
  }
}

@Test func percentilesAreOfTheNearestRank() {
  #expect(PolicyBench.percentile(Array(1...100), 50) == 50)
  #expect(PolicyBench.percentile(Array(1...100), 99) == 99)
  #expect(PolicyBench.percentile([7], 99) == 7)
  #expect(PolicyBench.percentile([Int](), 50) == nil)
}
