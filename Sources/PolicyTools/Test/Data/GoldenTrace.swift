// Recorded decisions that are to stay as they are.

import FleetConfiguration
import FleetDocuments
import FleetEngine
import JSON
import LuaRuntime
import PolicyHost

/// `[[golden]]`: a trace, as `fleet policy record` writes it, whose questions are asked again.
struct GoldenTrace {
  let path: String
  let position: FilePosition
  /// Whether the reasons are compared, too.
  let comparesReasons: Bool
  private let trace: Trace

  init(_ table: TableReader, _ directory: String) throws(ConfigurationError) {
    var reader = table
    guard let name = try reader.string("trace") else {
      throw ConfigurationError(
        .badValue, "[[golden]] needs a trace, such as trace = \"monday.trace.json\"", file: table.file,
        at: table.position)
    }
    comparesReasons = try reader.bool("reasons") ?? true
    path = FilePath.resolve(name, against: directory)
    position = table.position
    try reader.finish()
    let text = try TextFile.read(path)
    do { trace = try TraceDocument.decode(try JSON(parsing: text)) } catch {
      throw ConfigurationError(.syntax, "\(path): \(error)", file: table.file, at: table.position)
    }
  }

  var name: [String] { ["golden", FilePath.name(of: path)] }

  /// Decisions that this policy made: those of others, of the native rule, and its failures are none of its.
  func run(_ policy: PolicyUnderTest, _ file: AuthorFile) -> TestResult {
    var result = TestResult(name: name, line: position.line)
    let clock = ContinuousClock()
    let start = clock.now
    do { result.failure = try difference(policy, file) } catch {
      result.failure = TestFailure(place: "\(file.name):\(position.line)", summary: "\(error)")
    }
    result.duration = clock.now - start
    result.log = policy.logged
    return result
  }

  private func difference(_ policy: PolicyUnderTest, _ file: AuthorFile) throws(PolicyError) -> TestFailure? {
    policy.begin()
    let direct = try policy.loaded()
    try direct.apply(trace.rows.map(KernelRowChange.put))
    var (asked, differing) = (0, 0)
    var failure: TestFailure?
    for entry in trace.entries {
      switch entry {
      case .rows(let changes): try direct.apply(changes)
      case .decision(let decision, _):
        guard isOurs(decision, policy.name, direct.entries) else { continue }
        asked += 1
        let answer = direct.ask(decision.question)
        let (expected, actual) = (shown(decision.policy), shown(answer))
        if expected == actual { continue }
        differing += 1
        if failure != nil { continue }
        failure = TestFailure(
          place: "\(file.name):\(position.line)",
          summary: "decision \(decision.id) (\(decision.question.entry.rawValue)) is another now")
        failure?.expected = expected
        failure?.actual = actual
      }
    }
    if asked == 0 {
      return TestFailure(
        place: "\(file.name):\(position.line)", summary: "\(path) has no decision that \(policy.name) made")
    }
    failure?.summary += "; \(differing) of \(asked) differ"
    return failure
  }

  private func isOurs(_ decision: Decision, _ name: String, _ entries: Set<EntryPoint>) -> Bool {
    guard entries.contains(decision.question.entry), decision.policy.failure == nil else { return false }
    return decision.policy.policy.map { FilePath.name(of: $0) == name } ?? false
  }

  private func shown(_ answer: PolicyAnswer) -> String {
    var text = answer.failure.map { "failed: \($0)" } ?? answer.answer?.fields { $0 }.shown ?? "no opinion"
    if comparesReasons, let reason = answer.reason { text += "\nreason: \(reason)" }
    return text
  }
}
