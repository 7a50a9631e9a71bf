// A report for programs.

import JSON

extension TestReport {
  /// `{"passed", "failed", "fixtures": […], "advice": […], "coverage": […]}`, as docs/policy-testing.md describes it.
  public var json: JSON {
    var members: [String: JSON] = [
      "passed": .int(Int64(passed)), "failed": .int(Int64(failed)), "fixtures": .array(fixtures.map(\.json)),
    ]
    if !advice.isEmpty { members["advice"] = .array(advice.map(JSON.string)) }
    if !coverage.isEmpty { members["coverage"] = .array(coverage.map(\.json)) }
    return .object(members)
  }
}

extension FixtureReport {
  fileprivate var json: JSON {
    [
      "path": .string(path), "policy": policy.map(JSON.string) ?? .null, "problem": problem.map(JSON.string) ?? .null,
      "tests": .array(tests.map(\.json)),
    ]
  }
}

extension TestResult {
  fileprivate var json: JSON {
    [
      "name": .array(name.map(JSON.string)), "line": .int(Int64(line)),
      "status": .string(failure == nil ? "passed" : "failed"), "duration_ms": .double(duration.milliseconds),
      "failure": failure?.json ?? .null, "log": .array(log.map(JSON.string)),
    ]
  }
}

extension TestFailure {
  fileprivate var json: JSON {
    [
      "place": .string(place), "message": .string(summary), "expression": expression.map(JSON.string) ?? .null,
      "values": .array(values.map { ["name": .string($0.name), "value": .string($0.text)] }),
      "expected": expected.map(JSON.string) ?? .null, "actual": actual.map(JSON.string) ?? .null,
      "traceback": traceback.map(JSON.string) ?? .null,
    ]
  }
}

extension PolicyCoverage {
  fileprivate var json: JSON {
    [
      "policy": .string(policy), "lines": lines.json, "branches": branches.json,
      "missed_lines": .array(missedLines.map { .int(Int64($0)) }),
      "missed_branches": .array(missedBranches.map(JSON.string)),
    ]
  }
}

extension PolicyCoverage.Share {
  fileprivate var json: JSON {
    ["covered": .int(Int64(covered)), "total": .int(Int64(total)), "percent": .double(percent)]
  }
}
