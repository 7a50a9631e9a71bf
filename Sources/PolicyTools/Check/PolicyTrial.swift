// Loads a policy as a host would, and asks it about small fleets: what only running it can tell.

import FleetEngine
import PolicyHost

enum PolicyTrial {
  /// Ten times what a host allows for most, so that only what runs far too long is told.
  private static let budget = PolicyBudget(answer: .milliseconds(20), load: .seconds(1))
  /// Who runs out of time has another try with as much as no machine is ever busy for.
  private static let patience = PolicyBudget(answer: .seconds(2))

  static func diagnostics(_ file: AuthorFile) -> [Diagnostic] {
    var found: [Diagnostic] = []
    do throws(PolicyError) {
      let first = try load(file)
      for entry in EntryPoint.allCases where first.entries.contains(entry) {
        if let failure = try ask(entry, file) { found.append(failure) }
      }
    } catch {
      found.append(diagnostic("load", error.description, file, nil))
    }
    return found
  }

  private static func load(_ file: AuthorFile, _ budget: PolicyBudget = budget) throws(PolicyError) -> DirectPolicy {
    try DirectPolicy(path: file.path, text: Array(file.text.utf8), budget: budget)
  }

  /// The first failure.
  private static func ask(_ entry: EntryPoint, _ file: AuthorFile) throws(PolicyError) -> Diagnostic? {
    for (count, kernels) in [(0, "no kernel"), (1, "one kernel"), (16, "16 kernels")] {
      let rows = SampleFleet.rows(count)
      guard var failure = try failure(entry, file, rows, budget) else { continue }
      if failure.text.contains(late) {
        guard let again = try Self.failure(entry, file, rows, patience) else { continue }
        failure = again
      }
      return diagnostic("trial", failure.text, file, "asked about \(failure.question), in a fleet of \(kernels)")
    }
    return nil
  }

  private static let late = "ran past its deadline"

  /// The first failure in a fleet. Each fleet has a policy of its own, as after a start.
  private static func failure(
    _ entry: EntryPoint, _ file: AuthorFile, _ rows: [KernelRow], _ budget: PolicyBudget
  ) throws(PolicyError) -> (text: String, question: String)? {
    let policy = try load(file, budget)
    try policy.apply(rows.map(KernelRowChange.put))
    for (number, question) in SampleFleet.questions(entry, rows).enumerated() {
      let now = Instant(nanoseconds: 3_600_000_000_000 + Int64(number) * 1_000_000_000)
      let answer = policy.ask(PolicyQuestion(question.subject, now: now, seed: UInt64(number + 1)))
      if let text = answer.failure { return (text, question.words) }
    }
    return nil
  }

  private static func diagnostic(_ code: String, _ message: String, _ file: AuthorFile, _ when: String?) -> Diagnostic {
    let place = Place(message)
    let isHere = place.file == file.name && place.line > 0
    let words = isHere ? place.rest : message
    return Diagnostic(
      .error, code, path: file.path, line: isHere ? place.line : 0,
      words + hint(words) + (when.map { " (\($0))" } ?? ""))
  }

  /// What to do about an error of Lua.
  private static func hint(_ message: String) -> String {
    let name = message.firstMatch(of: /\((?:local|field|upvalue|global|method) '([^']+)'\)/).map { String($0.1) }
    if message.hasPrefix(late) { return "; a loop does not end, or does too much" }
    if message.hasPrefix("attempt to index a nil value") {
      return "; it can be nil, so test it first" + (name.map { ", as in: if \($0) then … end" } ?? "")
    }
    if message.hasPrefix("attempt to perform arithmetic on a nil value") || message.hasPrefix("attempt to compare") {
      return "; what can be nil needs a default, as in: (\(name ?? "value") or 0)"
    }
    if message.hasPrefix("attempt to concatenate a nil value") {
      return "; what can be nil needs a default, as in: (\(name ?? "value") or \"\")"
    }
    if message.hasPrefix("attempt to call a nil value") { return "; there is no such function" }
    return ""
  }
}
