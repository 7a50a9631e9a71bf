// Which lines of a policy one question takes: for `fleet policy explain`.

import FleetEngine
import PolicyHost

/// A question asked again, with probes in the policy's text.
public struct LinesTaken: Sendable, Hashable {
  public struct Line: Sendable, Hashable {
    public let number: Int
    public let text: String
  }

  /// Lines on which a statement ran, each once, in the order in which they were first reached.
  public let lines: [Line]
  /// What came of it: to be compared with what was recorded, since the policy's memory may have been another.
  public let answer: PolicyAnswer

  /// - Parameters:
  ///   - rows: the kernels as they were.
  ///   - memory: as `DirectPolicy.memory` gives it; nil for none.
  /// - Throws: `PolicyError` if the policy does not load; `LuaSyntaxError` if it is not Lua.
  public init(_ file: AuthorFile, _ question: PolicyQuestion, rows: [KernelRow], memory: [UInt8]? = nil) throws {
    let instrumented = try Instrumented(file)
    let taken = Taken()
    // Probes take time that the policy itself does not.
    let policy = try DirectPolicy(
      path: file.path, text: Array(instrumented.text.utf8), budget: PolicyBudget(answer: .seconds(2)),
      probe: { taken.add(instrumented.probes[$0]) })
    if let memory { try policy.restore(memory: memory) }
    try policy.apply(rows.map(KernelRowChange.put))
    taken.lines.removeAll()
    answer = policy.ask(question)
    lines = taken.lines.map { Line(number: $0, text: instrumented.source.text(ofLine: $0)) }
  }

  private final class Taken {
    var lines: [Int] = []

    func add(_ probe: Instrumented.Probe) {
      if probe.kind == .statement, !lines.contains(probe.line) { lines.append(probe.line) }
    }
  }
}
