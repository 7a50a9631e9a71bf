// Runs fixtures: for `fleet policy test`, and for a host before it takes a changed policy into use.

import FleetConfiguration
import PolicyHost

public enum PolicyFixtures {
  public struct Options: Sendable {
    /// Only tests whose names, joined by blanks, match.
    public var filter: TestFilter?
    /// Counts lines and branches.
    public var coverage: Bool
    /// Looks for mistakes in the policies themselves, too.
    public var advice: Bool

    public init(filter: TestFilter? = nil, coverage: Bool = false, advice: Bool = false) {
      self.filter = filter
      self.coverage = coverage
      self.advice = advice
    }
  }

  /// Runs the fixtures that stand beside a policy. A report without tests means that there are none.
  /// - Parameter text: the policy's text, if it is to be another than the file's.
  public static func run(policyPath: String, text: [UInt8]? = nil) -> TestReport {
    var policies = PolicyTexts()
    if let text { policies.set(policyPath, text) }
    return run(FixtureSearch.fixtures(of: policyPath), [], Options(), &policies)
  }

  /// - Parameter policies: whose coverage is wanted even if no fixture is about them.
  public static func run(
    _ fixtures: [FixtureFile], policies: [String] = [], options: Options = Options()
  ) -> TestReport {
    var texts = PolicyTexts()
    return run(fixtures, policies, options, &texts)
  }

  private static func run(
    _ fixtures: [FixtureFile], _ policies: [String], _ options: Options, _ texts: inout PolicyTexts
  ) -> TestReport {
    var report = TestReport()
    texts.counts = options.coverage
    let selects = { (name: [String]) in options.filter?.matches(name) ?? true }
    for fixture in fixtures { report.fixtures.append(run(fixture, selects, &texts)) }
    if options.advice { report.advice = advice(about: report) }
    if options.coverage { report.coverage = texts.coverage(of: policies) }
    return report
  }

  /// Of each policy that was tested, once: errors, and warnings where a test failed.
  private static func advice(about report: TestReport) -> [String] {
    var advice: [String] = []
    for path in Set(report.fixtures.compactMap(\.policy)).sorted() {
      guard let file = try? AuthorFile(reading: path) else { continue }  // the report says that it is not there
      let isGreen = report.fixtures.allSatisfy { $0.policy != path || $0.isGreen }
      advice += PolicyCheck.diagnostics(file).filter { $0.severity == .error || !isGreen }.map(\.text)
    }
    return advice
  }

  private static func run(
    _ fixture: FixtureFile, _ selects: ([String]) -> Bool, _ texts: inout PolicyTexts
  ) -> FixtureReport {
    do {
      let file = try AuthorFile(reading: fixture.path)
      switch fixture.kind {
      case .lua:
        let policy = try texts.policy(fixture.policy, for: fixture.path)
        return LuaFixture(file: file, policy: policy).run(selects)
      case .toml:
        let data = try DataFixture(file)
        let policy = try texts.policy(data.policy ?? fixture.policy, for: fixture.path)
        return data.run(policy, selects)
      }
    } catch {
      return FixtureReport(path: fixture.path, policy: fixture.policy, problem: "\(error)")
    }
  }
}

/// A regular expression that selects tests.
public struct TestFilter: Sendable {
  /// A compiled expression is not `Sendable`; this text is known to compile.
  private let pattern: String

  /// - Throws: `ToolError` if it is none.
  public init(_ pattern: String) throws(ToolError) {
    do { _ = try Regex(pattern) } catch {
      throw ToolError("--run: \"\(pattern)\" is no regular expression; write \\( for a parenthesis that is meant")
    }
    self.pattern = pattern
  }

  func matches(_ name: [String]) -> Bool {
    guard let expression = try? Regex(pattern) else { return false }  // it has compiled before
    return name.joined(separator: " ").contains(expression)
  }
}

extension AuthorFile {
  public init(reading path: String) throws(ConfigurationError) { self.init(path: path, text: try TextFile.read(path)) }
}
