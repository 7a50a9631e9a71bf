// A report for people at a terminal.

public struct PrettyReport {
  private let report: TestReport
  private let isColored: Bool
  private var text = ""

  private enum Color: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case gray = "90"
    case bold = "1"
  }

  /// The report as text, with a newline at its end.
  public static func text(_ report: TestReport, isColored: Bool = false) -> String {
    var pretty = PrettyReport(report: report, isColored: isColored)
    pretty.write()
    return pretty.text
  }

  private init(report: TestReport, isColored: Bool) {
    self.report = report
    self.isColored = isColored
  }

  private mutating func write() {
    for fixture in report.fixtures where !fixture.tests.isEmpty || fixture.problem != nil { outline(fixture) }
    var number = 0
    for fixture in report.fixtures {
      for test in fixture.tests {
        guard let failure = test.failure else { continue }
        number += 1
        explain(number, test, failure, fixture)
      }
    }
    advise()
    cover()
    line(colored("\(report.passed) passed, \(report.failed) failed", report.failed > 0 ? .red : .green))
  }

  private mutating func outline(_ fixture: FixtureReport) {
    line(colored(fixture.path, .bold))
    var groups: [String] = []
    for test in fixture.tests {
      let around = test.name.dropLast()
      for (depth, group) in around.enumerated() where depth >= groups.count || groups[depth] != group {
        groups = Array(around.prefix(depth + 1))
        line(indent(depth + 1) + group)
      }
      groups = Array(around)
      let mark = test.failure == nil ? colored("✓", .green) : colored("✗", .red)
      line(indent(test.name.count) + "\(mark) \(test.name.last ?? "")" + slow(test.duration))
    }
    if let problem = fixture.problem { line("  " + colored("✗", .red) + " " + problem) }
    line()
  }

  private mutating func explain(_ number: Int, _ test: TestResult, _ failure: TestFailure, _ fixture: FixtureReport) {
    line(colored("\(number)) \(test.title)", .bold))
    line("   " + colored(fixture.directory + failure.place, .gray))
    if let expression = failure.expression { lines(expression, "     ") }
    for value in failure.values { lines("\(value.name) = \(value.text)", colored("       ", .gray)) }
    lines(failure.summary, "   ", .red)
    if let expected = failure.expected, let actual = failure.actual, !failure.summary.shows(expected, actual) {
      compare(expected, actual)
    }
    if let traceback = failure.traceback { lines(traceback, "   ", .gray) }
    if !test.log.isEmpty {
      line("   the policy logged:")
      for entry in test.log { lines(entry, "     ", .gray) }
    }
    line()
  }

  private mutating func compare(_ expected: String, _ actual: String) {
    line("     \(colored("- expected", .green)) \(colored("+ actual", .red))")
    for difference in TextDiff.lines(expected: expected, actual: actual) {
      switch difference {
      case .same(let text): line("       " + text)
      case .expected(let text): line(colored("     - \(text)", .green))
      case .actual(let text): line(colored("     + \(text)", .red))
      }
    }
  }

  private mutating func advise() {
    guard !report.advice.isEmpty else { return }
    line("fleet policy check says")
    for advice in report.advice { lines(advice, "  ", .yellow) }
    line()
  }

  private mutating func cover() {
    guard !report.coverage.isEmpty else { return }
    let width = report.coverage.map(\.policy.count).max() ?? 0
    line("coverage" + String(repeating: " ", count: max(0, width - 6)) + "    lines  branches")
    for policy in report.coverage {
      let name = policy.policy + String(repeating: " ", count: width - policy.policy.count)
      line("  \(name)  \(percent(policy.lines))   \(percent(policy.branches))")
      if !policy.missedLines.isEmpty {
        line(colored("    never run: line \(policy.missedLines.map(String.init).joined(separator: ", "))", .yellow))
      }
      for missed in policy.missedBranches { line(colored("    line \(missed)", .yellow)) }
    }
    line()
  }

  private func percent(_ share: PolicyCoverage.Share) -> String {
    let text = "\(share.percent.tenths) %"
    return colored(String(repeating: " ", count: max(0, 7 - text.count)) + text, share.percent < 100 ? .yellow : .green)
  }

  /// Only what a person would notice.
  private func slow(_ duration: Duration) -> String {
    let milliseconds = duration.milliseconds
    return milliseconds < 100 ? "" : colored(" (\(Int(milliseconds)) ms)", .gray)
  }

  private func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

  private func colored(_ text: String, _ color: Color) -> String {
    isColored ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }

  private mutating func line(_ text: String = "") { self.text += text + "\n" }

  private mutating func lines(_ text: String, _ indent: String, _ color: Color? = nil) {
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      line(indent + (color.map { colored(String(part), $0) } ?? String(part)))
    }
  }
}

extension String {
  /// Whether a sentence says both already.
  fileprivate func shows(_ expected: String, _ actual: String) -> Bool {
    !expected.contains("\n") && !actual.contains("\n") && contains(expected) && contains(actual)
  }
}

extension FixtureReport {
  /// What stands before the file's name in its path.
  var directory: String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash])
  }
}

extension Double {
  /// With one digit behind the point, rounded down: 99.97 is not 100.
  var tenths: String {
    let tenths = Int((self * 10).rounded(.down))
    return "\(tenths / 10).\(tenths % 10)"
  }
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15 }
}
