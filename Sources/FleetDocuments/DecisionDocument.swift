// A decision as JSON, complete: what it takes to ask the question again.
import FleetEngine
import JSON

public enum DecisionDocument {
  public static func encode(_ decision: Decision) -> JSON {
    var document = DocumentWriter()
    document.set("id", decision.id)
    document.set("entry", decision.question.entry.rawValue)
    document.set("question", QuestionDocument.encode(decision.question.subject))
    document.set("now_ns", decision.question.now.nanoseconds)
    // A string, because it has 64 bits and most readers of JSON have 53.
    document.set("seed", String(decision.question.seed, radix: 16))
    if let answer = decision.policy.answer { document.set("answer", AnswerDocument.encode(answer)) }
    document.set("answer_reason", decision.policy.reason)
    document.set("policy", decision.policy.policy)
    document.set("hash", decision.policy.hash)
    document.set("failure", decision.policy.failure)
    document.set("duration_ns", decision.policy.duration.nanoseconds)
    document.set("outcome", AnswerDocument.encode(decision.outcome))
    document.set("reason", decision.reason)
    document.set("clamps", decision.clamps)
    document.set("fallback", flag: decision.isFallback)
    document.set("spawned", flag: decision.spawned)
    document.set("kernel", decision.kernel?.uuid)
    return document.json
  }

  /// - Parameter place: of the document, for errors.
  public static func decode(_ json: JSON, at place: String = "decision") throws(DocumentError) -> Decision {
    let reader = try DocumentReader(json, at: place)
    guard let entry = EntryPoint(rawValue: try reader.string("entry")) else {
      throw reader.wrong("entry", "one of \(EntryPoint.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let seed = UInt64(try reader.string("seed"), radix: 16) else {
      throw reader.wrong("seed", "64 bits as hexadecimal digits")
    }
    let question = PolicyQuestion(
      try QuestionDocument.decode(entry, try reader.object("question")),
      now: Instant(nanoseconds: Int64(try reader.int("now_ns"))), seed: seed)
    var kernel: KernelID?
    if let uuid = try reader.optionalString("kernel") {
      guard let id = KernelID(uuid: uuid) else { throw reader.wrong("kernel", "a UUID") }
      kernel = id
    }
    return Decision(
      id: try reader.int("id"), question: question, policy: try policy(entry, reader),
      outcome: try AnswerDocument.decode(entry, try reader.object("outcome")), reason: try reader.string("reason"),
      clamps: try reader.strings("clamps"), isFallback: try reader.bool("fallback"),
      spawned: try reader.bool("spawned"), kernel: kernel)
  }

  private static func policy(_ entry: EntryPoint, _ reader: DocumentReader) throws(DocumentError) -> PolicyAnswer {
    PolicyAnswer(
      answer: reader.has("answer") ? try AnswerDocument.decode(entry, try reader.object("answer")) : nil,
      reason: try reader.optionalString("answer_reason"), policy: try reader.optionalString("policy"),
      hash: try reader.optionalString("hash"), failure: try reader.optionalString("failure"),
      duration: .nanoseconds(try reader.int("duration_ns")))
  }
}
