// What is run, what is selected, and how it is reported.

import FleetConfiguration
import JSON
import Testing

@testable import PolicyTools

@Suite struct RunTests {
  let directory: AuthorDirectory

  init() throws { directory = try AuthorDirectory() }

  private func find(_ paths: [String]) throws -> FixtureSearch.Found {
    try FixtureSearch.find(paths) { name throws(ConfigurationError) in
      throw ConfigurationError(.notFound, "there is no policy \"\(name)\"")
    }
  }

  @Test func fixturesStandBesideTheirPolicies() throws {
    for name in ["a.lua", "a.b.lua", "lonely.lua"] { try directory.write(name, routePolicy) }
    for name in ["a.test.lua", "a.test.toml", "a.b.test.lua", "a.more.test.toml", "none.test.lua"] {
      try directory.write(name, "")
    }
    let path = directory.path
    let all = try find([path])
    #expect(
      Set(all.fixtures.map { "\(FilePath.name(of: $0.path)) \(FilePath.name(of: $0.policy))" }) == [
        "a.test.lua a.lua", "a.test.toml a.lua", "a.b.test.lua a.b.lua", "a.more.test.toml a.lua",
        "none.test.lua none.lua",
      ])
    #expect(all.policies.map(FilePath.name) == ["a.b.lua", "a.lua", "lonely.lua"])
    #expect(try find(["\(path)/a.lua"]).fixtures.count == 3)
    #expect(try find(["\(path)/a.test.toml", "\(path)/a.lua"]).fixtures.count == 3)
    #expect(try find(["\(path)/lonely.lua"]).fixtures.isEmpty)
    #expect(throws: ToolError("there is no policy \"nix\"")) { try find(["nix"]) }
    try directory.write("notes.txt", "")
    #expect(throws: ToolError.self) { try find(["\(path)/notes.txt"]) }
  }

  @Test func testsAreSelectedByTheirNames() throws {
    try directory.write("p.lua", routePolicy)
    let fixture = try directory.write(
      "p.test.lua",
      "describe('one', function() it('two', function() end) it('three', function() end) end) it('four', function() end)"
    )
    let file = try #require(FixtureFile(path: fixture))
    func names(_ pattern: String) throws -> [String] {
      PolicyFixtures.run([file], options: PolicyFixtures.Options(filter: try TestFilter(pattern))).names
    }
    #expect(try names("one t") == ["one › two", "one › three"])
    #expect(try names("^four$") == ["four"])
    #expect(try names("nothing").isEmpty)
    #expect(throws: ToolError.self) { try TestFilter("(") }
  }

  @Test func coverageCountsWhatNoTestRan() throws {
    try directory.write("p.lua", routePolicy)
    let lonely = try directory.write("lonely.lua", routePolicy)
    let fixture = try directory.write("p.test.lua", "it('a', function() ask.route({}, fleet{ kernel{} }) end)")
    let report = PolicyFixtures.run(
      [try #require(FixtureFile(path: fixture))], policies: [lonely], options: PolicyFixtures.Options(coverage: true))
    #expect(report.coverage.map(\.policy) == [lonely, "\(directory.path)/p.lua"])
    #expect(report.coverage[0].lines.covered == 0 && report.coverage[0].branches == .init(0, of: 2))
    #expect(report.coverage[1].branches == .init(1, of: 2))
    #expect(report.coverage[1].missedBranches == ["4: the condition 'kernel' was never false"])
    #expect(report.coverage[1].missedLines == [5])
  }

  @Test func aTextThatIsNotYetInTheFileCanBeTried() throws {
    let policy = try directory.write("p.lua", routePolicy)
    try directory.write("p.test.lua", "it('a', function() expect(ask.route({}).spawn):never():is_nil() end)")
    #expect(PolicyFixtures.run(policyPath: policy).isGreen)
    let other = "return { route = function() return { reject = 'no' }, 'no' end }"
    #expect(PolicyFixtures.run(policyPath: policy, text: Array(other.utf8)).failed == 1)
  }

  @Test func reportsForPeopleAndPrograms() throws {
    let report = try directory.run(
      lua: """
        describe("<a & b>", function()
          it("passes", function() end)
          it("fails", function()
            local answer = 1
            assert(answer == 2)
          end)
        end)
        """)
    let path = "\(directory.path)/p.test.lua"
    #expect(
      PrettyReport.text(report) == """
        \(path)
          <a & b>
            ✓ passes
            ✗ fails

        1) <a & b> › fails
           \(path):5
             assert(answer == 2)
               answer = 1
           the assertion is false

        1 passed, 1 failed

        """)
    #expect(report.json["failed"] == 1)
    let tests = try #require(report.json["fixtures"]?[0]?["tests"])
    #expect(tests[0]?["status"] == "passed" && tests[1]?["status"] == "failed")
    #expect(tests[1]?["failure"]?["values"] == [["name": "answer", "value": "1"]])
    #expect(tests[1]?["failure"]?["place"] == "p.test.lua:5")
    let lines = report.junit.split(separator: "\n").map(String.init)
    #expect(lines[1] == "<testsuites tests=\"2\" failures=\"1\" errors=\"0\">")
    #expect(lines.contains { $0.contains("&lt;a &amp; b&gt;\" name=\"fails\"") })
    #expect(lines.contains { $0.contains("<failure message=\"the assertion is false\" type=\"assertion\">") })
  }

  @Test func textsAreComparedLineByLine() {
    #expect(
      TextDiff.lines(expected: "a\nb\nc\nd", actual: "a\nx\nc\nd\ne") == [
        .same("a"), .expected("b"), .actual("x"), .same("c"), .same("d"), .actual("e"),
      ])
    #expect(TextDiff.lines(expected: "a", actual: "a") == [.same("a")])
    #expect(TextDiff.lines(expected: "", actual: "a") == [.expected(""), .actual("a")])
  }
}
