// Recorded decisions, shown: the last ones, one with what it saw, and everything of a stretch of time.
import FleetConfiguration
import FleetDocuments
import FleetEngine
import JSON

/// Which decisions a client asks for.
public struct DecisionQuery: Sendable {
  public var limit = 20
  public var entry: EntryPoint?
  /// Id, UUID, name or port.
  public var kernel: String?
  /// Milliseconds since 1970.
  public var since: Int64?
  /// The last decision of the page before.
  public var after: String?

  public init() {}
}

extension FleetHost {
  /// The most rows that are shown with a decision.
  private static let mostRows = 50

  /// The document of `GET /decisions`, the newest first.
  public func decisions(_ query: DecisionQuery) async throws -> JSON {
    await whenOpen()
    var filter = DecisionFilter(limit: query.limit, entry: query.entry, since: query.since)
    if let kernel = query.kernel { filter.kernel = try engine.kernel(named: kernel)?.id ?? Self.goneKernel(kernel) }
    if let after = query.after { filter.before = try Self.decisionID(after) }
    // One more tells whether there is another page.
    filter.limit += 1
    var found = try await recorded(filter)
    let next = found.count > query.limit ? found[max(query.limit - 1, 0)]["id"] : nil
    found = Array(found.prefix(query.limit))
    return ["decisions": .array(found), "next": query.limit == 0 ? .null : next ?? .null]
  }

  func recorded(_ filter: DecisionFilter) async throws -> [JSON] {
    let found = try await recorder.flushed { log in
      Result { () throws(StorageError) in try log.get().last(filter)?.map(\.summary) }
    }.mapError { EngineError(.storage, $0.description) }.get()
    guard let found else {
      throw EngineError(.decisionNotFound, "the decision after which the list is to go on is not kept any more")
    }
    return found
  }

  /// - Throws: `badRequest` unless it is `RUN-NUMBER`.
  private static func decisionID(_ id: String) throws(EngineError) -> (run: Int, number: Int) {
    let parts = id.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let run = parts[0], let number = parts[1] else {
      throw EngineError(.badRequest, "'\(id)' is no decision; its id looks like 3-141, see GET /decisions")
    }
    return (run, number)
  }

  /// Decisions about a kernel that is gone are found by its UUID.
  private static func goneKernel(_ reference: String) throws -> KernelID {
    guard let id = KernelID(uuid: reference) else { throw EngineError(.kernelNotFound, "Kernel not found") }
    return id
  }

  /// The document of `GET /decisions/ID`.
  public func decision(_ id: String) async throws -> JSON {
    await whenOpen()
    let (run, number) = try Self.decisionID(id)
    let found = await recorder.flushed { log in
      Result { () throws(StorageError) in try log.get().find(run: run, number: number) }
    }
    guard let (recorded, rows) = try found.mapError({ EngineError(.storage, $0.description) }).get() else {
      throw EngineError(.decisionNotFound, "there is no decision \(id), or it is not kept any more")
    }
    let relevant = rows.filter(recorded.decision.concerns)
    var document = recorded.summary
    document["question"] = QuestionDocument.encode(recorded.decision.question.subject)
    document["now"] = .double(Double(recorded.decision.question.now.nanoseconds) / 1e9)
    document["seed"] = .string(String(recorded.decision.question.seed, radix: 16))
    document["policy_answer"] = recorded.decision.policy.answer.map(AnswerDocument.encode) ?? .null
    document["policy_reason"] = JSON(recorded.decision.policy.reason)
    document["outcome"] = AnswerDocument.encode(recorded.decision.outcome)
    return [
      "decision": document, "rows": .array(relevant.prefix(Self.mostRows).map(RowDocument.encode)),
      "rows_total": JSON(rows.count), "rows_relevant": JSON(relevant.count),
    ]
  }

  /// The document of `GET /trace`: everything between two wall times in milliseconds since 1970.
  public func trace(from: Int64, to: Int64) async throws -> JSON {
    await whenOpen()
    guard from <= to else { throw EngineError(.badRequest, "from is later than to") }
    let found = await recorder.flushed { log in
      Result { () throws(StorageError) in TraceDocument.encode(try log.get().trace(from: from, to: to)) }
    }
    // Written out: as a chain of calls it ends the optimising compiler (Swift 6.3.1, while splitting the coroutine).
    switch found {
    case .success(let document): return document
    case .failure(let error): throw EngineError(.badRequest, error.description)
    }
  }
}

extension RecordedDecision {
  /// An entry of `GET /decisions`.
  var summary: JSON {
    var document = decision.summary(id: id)
    document["time"] = .string(KernelView.text(ofMilliseconds: time))
    return document
  }
}

extension FleetHost {
  /// Policies that decide nothing any more are alerts, until they do again.
  func tellOfPolicies() {
    let conditions = setup.policies.summaries().compactMap { policy -> AlertCondition? in
      if policy.state == "active" || policy.state == "loading" || policy.isShadow { return nil }
      return AlertCondition(
        name: "PolicyOut", severity: "critical",
        summary:
          "\(FilePath.name(of: policy.path)) is \(policy.state), and decides nothing: \(policy.lastError ?? "no reason is known")",
        labels: ["policy": policy.path, "entry": policy.entry])
    }
    guard conditions != policyConditions else { return }
    policyConditions = conditions
    inbox.post(.conditions(source: "policies", conditions))
  }
}

extension Decision {
  /// The decision of docs/architecture.md.
  func summary(id: String) -> JSON {
    [
      "id": .string(id), "entry": .string(question.entry.rawValue), "policy": JSON(policy.policy),
      "hash": JSON(policy.hash), "about": .string(aboutText), "answer": .string(outcome.summary),
      "reason": .string(reason),
      "clamps": .array(clamps.map(JSON.string)), "fallback": .bool(isFallback), "error": JSON(policy.failure),
      "duration_us": JSON(Double(policy.duration.nanoseconds) / 1000), "spawned": .bool(spawned),
      "kernel": JSON(kernel?.description),
    ]
  }

  /// What was asked, in a few words.
  private var aboutText: String {
    switch question.subject {
    case .admit(let specification):
      "\(specification.language)" + (specification.owner.isEmpty ? "" : " of \(specification.owner)")
    case .route(let wanted):
      ([
        wanted.language, wanted.kernelspec, wanted.config.map(Requirements.fileName), wanted.provider, wanted.model,
        wanted.session.map { "session \($0)" }, wanted.owner.map { "of \($0)" },
      ].compactMap { $0 } + wanted.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
      .joined(separator: ", ")
    case .scale(let pool): pool.name
    case .alert: ""
    case .restart(let crash): KernelID(uuid: crash.uuid)?.description ?? crash.uuid
    }
  }

  /// Whether a row was among those that the decision was about.
  fileprivate func concerns(_ row: KernelRow) -> Bool {
    if row.uuid == kernel?.uuid { return true }
    switch question.subject {
    case .admit(let specification):
      return row.owner == specification.owner || (row.pool != nil && row.pool == specification.pool)
    case .route(let requirements):
      if let session = requirements.session, row.sessions.contains(session) { return true }
      return requirements.accepts(row)
    case .scale(let pool): return row.pool == pool.name
    case .alert:
      guard case .alert(let conditions) = outcome else { return false }
      return conditions.contains { $0.kernel == row.uuid }
    case .restart(let crash): return row.uuid == crash.uuid
    }
  }
}
