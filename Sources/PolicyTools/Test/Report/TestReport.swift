// What a run of fixtures found.

/// The results of a run.
public struct TestReport: Sendable {
  public var fixtures: [FixtureReport] = []
  /// Of each policy, if it was asked for.
  public var coverage: [PolicyCoverage] = []
  /// What `fleet policy check` says of the policies, with places.
  public var advice: [String] = []

  public init() {}

  public var passed: Int { fixtures.reduce(0) { $0 + $1.tests.count { $0.failure == nil } } }
  /// A fixture file that cannot be run counts as one failed test.
  public var failed: Int {
    fixtures.reduce(0) { $0 + $1.tests.count { $0.failure != nil } + ($1.problem == nil ? 0 : 1) }
  }
  /// Nothing ran, and nothing was wrong.
  public var isEmpty: Bool { passed + failed == 0 }
  public var isGreen: Bool { failed == 0 && passed > 0 }

  /// Tests of the failing kind in one line each, for whoever has no room for a report.
  public var complaints: [String] {
    fixtures.flatMap { fixture in
      (fixture.problem.map { [$0] } ?? [])
        + fixture.tests.compactMap { test in
          test.failure.map { "\($0.place): \(test.title): \($0.summary)" }
        }
    }
  }
}

/// One fixture file.
public struct FixtureReport: Sendable {
  public var path: String
  /// The policy that it tests.
  public var policy: String?
  public var tests: [TestResult] = []
  /// Why its tests, or the rest of them, could not be run: a sentence with file and line.
  public var problem: String?

  public init(path: String, policy: String? = nil, problem: String? = nil) {
    self.path = path
    self.policy = policy
    self.problem = problem
  }
}

extension FixtureReport {
  public var isGreen: Bool { problem == nil && tests.allSatisfy { $0.failure == nil } }
}

/// One test.
public struct TestResult: Sendable {
  /// The names around it, and its own last.
  public var name: [String]
  public var line: Int
  public var failure: TestFailure?
  public var duration: Duration
  /// What the policy logged.
  public var log: [String]

  public init(name: [String], line: Int, failure: TestFailure? = nil, duration: Duration = .zero, log: [String] = []) {
    self.name = name
    self.line = line
    self.failure = failure
    self.duration = duration
    self.log = log
  }

  public var title: String { name.joined(separator: " › ") }
}

/// Why a test failed.
public struct TestFailure: Sendable, Hashable {
  /// `least_loaded.test.lua:12`.
  public var place: String
  /// One sentence.
  public var summary: String
  /// The failing expression as it is written.
  public var expression: String?
  /// The variables in it and what they were.
  public var values: [Value] = []
  /// Texts to be compared; both or none.
  public var expected: String?
  public var actual: String?
  /// Of an error in the fixture itself.
  public var traceback: String?

  public struct Value: Sendable, Hashable {
    public var name: String
    public var text: String

    public init(_ name: String, _ text: String) {
      self.name = name
      self.text = text
    }
  }

  public init(place: String, summary: String) {
    self.place = place
    self.summary = summary
  }
}

/// Which lines and branches of a policy its tests ran.
public struct PolicyCoverage: Sendable {
  public var policy: String
  public var lines: Share
  public var branches: Share
  /// Lines that no test ran.
  public var missedLines: [Int]
  /// Branches that no test took, such as "12: else".
  public var missedBranches: [String]

  public struct Share: Sendable, Hashable {
    public var covered: Int
    public var total: Int

    public init(_ covered: Int, of total: Int) {
      self.covered = covered
      self.total = total
    }

    /// 100 if there is nothing to cover.
    public var percent: Double { total == 0 ? 100 : Double(covered) * 100 / Double(total) }
  }

  public init(
    policy: String, lines: Share, branches: Share, missedLines: [Int] = [], missedBranches: [String] = []
  ) {
    self.policy = policy
    self.lines = lines
    self.branches = branches
    self.missedLines = missedLines
    self.missedBranches = missedBranches
  }
}
