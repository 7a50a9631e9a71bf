// The policies that ship with the program.

import PolicyTools
import Testing

@Suite struct LibraryTests {
  static let directory = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined() + "/policies"

  static func found() throws -> FixtureSearch.Found { try FixtureSearch.find([directory]) { name in name } }

  @Test func fixturesPassAndTakeTheBranches() throws {
    let found = try Self.found()
    #expect(found.policies.count >= 11)
    let report = PolicyFixtures.run(
      found.fixtures, policies: found.policies, options: PolicyFixtures.Options(coverage: true))
    #expect(report.complaints == [])
    for policy in report.coverage {
      #expect(policy.branches.percent >= 95, "\(policy.policy): \(policy.missedBranches)")
    }
    #expect(report.coverage.map(\.policy) == found.policies)
  }
}
