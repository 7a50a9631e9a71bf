// A simulated day asked again: the same policy answers the same, another one differs where it should.
import FleetConfiguration
import FleetDocuments
import FleetEngine
import JSON
import Testing

@testable import PolicyTools

@Suite struct ReplayTests {
  private func path(_ name: String) throws -> String { try Scenarios.policy(name) }

  private func recorded(_ text: String = DeterminismTests.mixed) throws -> Trace {
    try #require(try Simulator.run(try Scenarios.parse(text), isRecorded: true).trace)
  }

  @Test func theSamePoliciesAnswerTheSame() throws {
    let trace = try recorded()
    let report = try Replay.run(
      trace, against: [try path("power_of_two"), try path("patient_restart"), try path("panic_mode")])
    #expect(report.different == 0, "\(report.text)")
    #expect(report.entries[.route]!.asked > 150)
    #expect(report.entries[.scale]!.asked > 30)
    #expect(report.entries[.restart]!.asked > 3)
  }

  @Test func aTraceSurvivesItsFile() throws {
    let trace = try recorded()
    let text = TraceDocument.encode(trace).text()
    #expect(try TraceDocument.decode(try JSON(parsing: text)) == trace)
  }

  @Test func memoryRunsForward() throws {
    let text = DeterminismTests.mixed.replacing("power_of_two", with: "round_robin")
    #expect(try Replay.run(try recorded(text), against: [try path("round_robin")]).different == 0)
  }

  @Test func anotherPolicyDiffersWhereItChoosesAnotherKernel() throws {
    let trace = try recorded(
      """
      duration = "2m"
      [policies]
      route = "power_of_two.lua"
      [[spawn]]
      count = 5
      [[clients]]
      arrivals = "poisson(2/s)"
      from = "1s"
      service = "exponential(2s)"
      """)
    let report = try Replay.run(trace, against: [try path("least_loaded")], examples: 2)
    let counts = try #require(report.entries[.route])
    #expect(counts.different > counts.asked / 5)
    #expect(counts.different < counts.asked)
    #expect(report.examples.count == 2)
    let example = try #require(report.examples.first)
    #expect(example.old.hasPrefix("use kernel-"))
    #expect(example.oldReason.hasPrefix("the better of two"))
    #expect(example.newReason.hasPrefix("fewest clients"))
    #expect(report.text.contains("  was  use kernel-"))
    #expect(report.json["different"]?.int == Int64(counts.different))
  }

  @Test func whatTheHostDecidedAloneIsAskedOnlyIfNoPolicyWasEverAsked() throws {
    let text = DeterminismTests.mixed.replacing("scale = \"panic_mode.lua\"", with: "")
    let alone = try Replay.run(try recorded(text), against: [try path("panic_mode")])
    #expect(alone.entries[.scale]!.different > 0)
    #expect(alone.entries[.scale]!.passedOver == 0)
    let beside = try Replay.run(try recorded(), against: [try path("panic_mode")])
    #expect(beside.entries[.scale]!.passedOver > 0)
    #expect(beside.entries[.route]!.asked == 0)
  }

  @Test func aWindowIsCountedAndWhatCameBeforeItIsStillRemembered() throws {
    let text = DeterminismTests.mixed.replacing("power_of_two", with: "round_robin")
    let trace = try recorded(text)
    let start = try #require(WallTime.milliseconds("2024-01-01T00:05:00Z"))
    let report = try Replay.run(trace, against: [try path("round_robin")], window: start..<(start + 60_000))
    #expect(report.different == 0)
    #expect((5...60).contains(report.entries[.route]!.asked))
  }

  @Test func aPolicyThatFailsDiffers() throws {
    let trace = try recorded()
    let files = try TemporaryFiles()
    defer { files.remove() }
    let policy = try files.write(
      "failing.lua", "return {\n  route = function(request)\n    error('no idea')\n  end,\n}\n")
    let report = try Replay.run(trace, against: [policy])
    let counts = try #require(report.entries[.route])
    #expect(counts.failed == counts.asked && counts.different == counts.asked)
    #expect(report.examples[0].newReason.contains("failing.lua:3"))
  }

  @Test func aRecordedNightIsAFixture() throws {
    let files = try TemporaryFiles()
    defer { files.remove() }
    let text = DeterminismTests.mixed.replacing("power_of_two.lua", with: "least_loaded.lua")
    let trace = try recorded(text).within(1_704_067_260_000..<1_704_067_500_000)
    #expect(trace.decisions > 20)
    #expect(trace.rows.count > 3)
    let fixture = try #require(RecordedFixture(path: "\(files.path)/least_loaded.night.test.toml"))
    try files.write(FilePath.name(of: fixture.tracePath), TraceDocument.encode(trace).text())
    try files.write("least_loaded.night.test.toml", fixture.text)
    let policy = try files.write("least_loaded.lua", try TextFile.read(try path("least_loaded")))
    let read = try TraceFile.read(fixture.tracePath)
    #expect(read == trace)

    let report = PolicyFixtures.run(policyPath: policy)
    #expect(report.fixtures.count == 1 && report.fixtures.allSatisfy { $0.isGreen })
    let another = Array(try TextFile.read(try path("power_of_two")).utf8)
    let other = PolicyFixtures.run(policyPath: policy, text: another)
    #expect(other.fixtures.contains { !$0.isGreen })
  }

  @Test func whatIsNoTraceIsToldSo() throws {
    let files = try TemporaryFiles()
    defer { files.remove() }
    for (text, complaint) in [("{", "invalid JSON"), ("{}", "format"), ("[]", "is no recorded trace")] {
      let path = try files.write("x.json", text)
      let error = #expect(throws: ToolError.self) { try TraceFile.read(path) }
      #expect(error?.description.contains(complaint) == true)
    }
    let nowhere = "\(files.path)/nowhere.json"
    #expect(throws: ToolError.self) { try TraceFile.read(nowhere) }
  }

  @Test func wallTimesAreReadAndWritten() {
    #expect(WallTime.milliseconds("2024-01-01") == 1_704_067_200_000)
    #expect(WallTime.milliseconds("2024-02-29 13:45:10") == 1_709_214_310_000)
    #expect(WallTime.text(1_709_214_310_000) == "2024-02-29T13:45:10Z")
    #expect(WallTime.text(0) == "1970-01-01T00:00:00Z")
    for text in ["", "yesterday", "2024-13-01", "2024-01-01T25:00", "2024-01-01T", "24"] {
      #expect(WallTime.milliseconds(text) == nil)
    }
    for day in stride(from: 0, to: 40_000, by: 37) {
      let time = Int64(day) * 86_400_000
      #expect(WallTime.milliseconds(WallTime.text(time)) == time)
    }
  }
}
