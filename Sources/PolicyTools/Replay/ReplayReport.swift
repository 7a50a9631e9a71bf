// How two policies differ on the same questions.
import FleetEngine
import JSON

public struct ReplayReport: Sendable {
  /// The names of the files that were asked.
  public let policies: [String]
  public private(set) var entries: [EntryPoint: Counts] = [:]
  public private(set) var examples: [Difference] = []

  public struct Counts: Sendable, Hashable {
    public var asked = 0
    public var different = 0
    /// The new policy failed; counted as different.
    public var failed = 0
    /// The files have no function for it, or the host decided alone where policies were asked otherwise.
    public var passedOver = 0
  }

  public struct Difference: Sendable {
    public var decision: Int
    public var entry: EntryPoint
    /// Milliseconds since 1970.
    public var time: Int64
    public var question: String
    public var old: String
    public var oldReason: String
    public var new: String
    public var newReason: String
  }

  public var different: Int { entries.values.map(\.different).reduce(0, +) }
  public var asked: Int { entries.values.map(\.asked).reduce(0, +) }

  init(policies: [String]) { self.policies = policies }

  mutating func passOver(_ entry: EntryPoint) { entries[entry, default: Counts()].passedOver += 1 }

  mutating func add(_ decision: Decision, _ time: Int64, _ answer: PolicyAnswer, _ names: KernelNames, limit: Int) {
    let entry = decision.question.entry
    var counts = entries[entry, default: Counts()]
    defer { entries[entry] = counts }
    counts.asked += 1
    // Where no policy had an opinion, or it failed, the host's own rule answered.
    let wasNative = decision.policy.answer == nil
    let isSame: Bool
    if answer.failure != nil {
      counts.failed += 1
      isSame = decision.policy.failure != nil && wasNative
    } else if answer.answer == nil {
      isSame = wasNative && decision.policy.failure == nil
    } else {
      isSame = names.plain(answer.answer) == names.plain(decision.policy.answer ?? decision.outcome)
    }
    guard !isSame else { return }
    counts.different += 1
    guard examples.count(where: { $0.entry == entry }) < limit else { return }
    let words = QuestionWords(names)
    examples.append(
      Difference(
        decision: decision.id, entry: entry, time: time, question: words.question(decision.question.subject),
        old: words.answer(decision.policy.answer ?? decision.outcome),
        oldReason: wasNative ? "the host's own rule: \(decision.reason)" : decision.policy.reason ?? "no reason given",
        new: answer.failure == nil ? answer.answer.map(words.answer) ?? "no opinion" : "failure",
        newReason: answer.failure ?? answer.reason ?? "no reason given"))
  }
}

extension ReplayReport {
  public var text: String {
    var lines = ["asked \(Words.count(asked)) recorded questions again with \(policies.joined(separator: ", "))"]
    for entry in EntryPoint.allCases {
      guard let counts = entries[entry] else { continue }
      let name = entry.rawValue + String(repeating: " ", count: 8 - entry.rawValue.count)
      if counts.asked == 0 {
        lines.append("\(name)not asked; \(Words.count(counts.passedOver)) passed over")
        continue
      }
      var line = "\(name)\(Words.count(counts.asked)) asked, \(Words.count(counts.different)) differ"
      if counts.different > 0 { line += " (\(Words.percent(Double(counts.different) / Double(counts.asked))))" }
      if counts.passedOver > 0 { line += ", \(Words.count(counts.passedOver)) were decided by the host alone" }
      if counts.failed > 0 { line += ", \(Words.count(counts.failed)) times the policy failed" }
      lines.append(line)
    }
    for example in examples {
      lines.append("")
      lines.append("\(example.entry.rawValue) \(example.decision), \(WallTime.text(example.time)): \(example.question)")
      lines.append("  was  \(example.old)  (\(example.oldReason))")
      lines.append("  now  \(example.new)  (\(example.newReason))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  public var json: JSON {
    var counts: [String: JSON] = [:]
    for (entry, value) in entries {
      counts[entry.rawValue] = [
        "asked": JSON(value.asked), "different": JSON(value.different), "failed": JSON(value.failed),
        "passed_over": JSON(value.passedOver),
      ]
    }
    return [
      "policies": .array(policies.map(JSON.string)), "asked": JSON(asked), "different": JSON(different),
      "entries": .object(counts),
      "examples": .array(
        examples.map { example in
          [
            "decision": JSON(example.decision), "entry": .string(example.entry.rawValue),
            "time": .string(WallTime.text(example.time)), "question": .string(example.question),
            "old": .string(example.old), "old_reason": .string(example.oldReason), "new": .string(example.new),
            "new_reason": .string(example.newReason),
          ]
        }),
    ]
  }
}
