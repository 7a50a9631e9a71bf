// Loads a policy as a host would, and asks it about small fleets: what only running it can tell.

import FleetEngine
import PolicyHost

enum PolicyTrial {
  /// Ten times what a host allows, so that only what runs far too long is told, and not a busy machine.
  private static let budget = PolicyBudget(
    route: .milliseconds(20), admit: .milliseconds(20), restart: .milliseconds(20), scale: .milliseconds(500),
    alert: .milliseconds(500), load: .seconds(1))

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

  private static func load(_ file: AuthorFile) throws(PolicyError) -> DirectPolicy {
    try DirectPolicy(path: file.path, text: Array(file.text.utf8), budget: budget)
  }

  /// The first failure. Each fleet has a policy of its own, as after a start.
  private static func ask(_ entry: EntryPoint, _ file: AuthorFile) throws(PolicyError) -> Diagnostic? {
    for (count, kernels) in [(0, "no kernel"), (1, "one kernel"), (16, "16 kernels")] {
      let rows = SampleFleet.rows(count)
      let policy = try load(file)
      try policy.apply(rows.map(KernelRowChange.put))
      for (number, question) in SampleFleet.questions(entry, rows).enumerated() {
        let now = Instant(nanoseconds: 3_600_000_000_000 + Int64(number) * 1_000_000_000)
        let answer = policy.ask(PolicyQuestion(question.subject, now: now, seed: UInt64(number + 1)))
        guard let failure = answer.failure else { continue }
        return diagnostic("trial", failure, file, "asked about \(question.words), in a fleet of \(kernels)")
      }
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
    if message.hasPrefix("ran past its deadline") { return "; a loop does not end, or does too much" }
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
