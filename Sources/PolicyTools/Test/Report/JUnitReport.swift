// A report in the form that continuous integration reads: JUnit's XML.

extension TestReport {
  public var junit: String {
    let errors = fixtures.count { $0.problem != nil }
    var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    xml += "<testsuites tests=\"\(passed + failed)\" failures=\"\(failed - errors)\" errors=\"\(errors)\">\n"
    for fixture in fixtures { xml += fixture.junit }
    return xml + "</testsuites>\n"
  }
}

extension FixtureReport {
  fileprivate var junit: String {
    let failures = tests.count { $0.failure != nil }
    let errors = problem == nil ? 0 : 1
    let time = tests.reduce(0.0) { $0 + $1.duration.milliseconds } / 1000
    var xml =
      "  <testsuite name=\"\(XML.escaped(path))\" tests=\"\(tests.count + errors)\" failures=\"\(failures)\" "
      + "errors=\"\(errors)\" time=\"\(time)\">\n"
    for test in tests { xml += test.junit(path) }
    if let problem {
      xml += "    <testcase classname=\"\(XML.escaped(path))\" name=\"can be run\" file=\"\(XML.escaped(path))\">\n"
      xml += "      <error message=\"\(XML.escaped(problem))\"/>\n    </testcase>\n"
    }
    return xml + "  </testsuite>\n"
  }
}

extension TestResult {
  fileprivate func junit(_ path: String) -> String {
    var xml =
      "    <testcase classname=\"\(XML.escaped(([path] + name.dropLast()).joined(separator: " › ")))\" "
      + "name=\"\(XML.escaped(name.last ?? ""))\" file=\"\(XML.escaped(path))\" line=\"\(line)\" "
      + "time=\"\(duration.milliseconds / 1000)\""
    guard let failure else { return xml + "/>\n" }
    xml += ">\n      <failure message=\"\(XML.escaped(failure.summary))\" type=\"assertion\">"
    xml += XML.escaped(failure.details) + "</failure>\n"
    if !log.isEmpty { xml += "      <system-out>\(XML.escaped(log.joined(separator: "\n")))</system-out>\n" }
    return xml + "    </testcase>\n"
  }
}

extension TestFailure {
  fileprivate var details: String {
    var lines = [place]
    if let expression { lines.append(expression) }
    lines += values.map { "  \($0.name) = \($0.text)" }
    if let expected, let actual { lines += ["expected: \(expected)", "actual: \(actual)"] }
    if let traceback { lines.append(traceback) }
    return lines.joined(separator: "\n")
  }
}

private enum XML {
  /// Characters that XML 1.0 cannot have at all become U+FFFD.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n": result += "&#10;"
      case "\t": result += "&#9;"
      case "\r": result += "&#13;"
      case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
