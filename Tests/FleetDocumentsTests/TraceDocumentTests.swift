// Whatever was recorded comes back from JSON as it was.
import FleetDocuments
import FleetEngine
import JSON
import Testing

@Suite struct TraceDocumentTests {
  private static let uuid = "0a1b2c3d-0000-4000-8000-000000000001"

  private static func row() -> KernelRow {
    let specification = Specification(
      kernelspec: "python3", language: "python", config: "/c/openai.toml", provider: "openai", model: "gpt", name: "p",
      labels: ["team": "a"], owner: "ann", pool: "python", limits: Limits(memory: 1 << 29))
    var kernel = Kernel(id: KernelID(uuid: uuid)!, serial: 7, specification: specification, key: "secret", port: 9560)
    kernel.status = .idle
    kernel.restarts = 2
    kernel.sessions = ["s1", "s2"]
    kernel.connections = 3
    kernel.readySince = Instant(nanoseconds: 9_007_199_254_740_993)
    kernel.idleSince = Instant(nanoseconds: 5)
    kernel.recentExits = [Instant(nanoseconds: 1)]
    kernel.sample = Sample(memory: 123_456_789, cpu: 12.34, threads: 5)
    kernel.latency = 0.1
    return KernelRow(kernel)
  }

  private static let subjects: [PolicyQuestion.Subject] = [
    .admit(
      Specification(
        kernelspec: "lua", language: "lua", config: "/c/a.toml", name: "n", labels: ["k": "v"], owner: "ann", pool: "p",
        limits: Limits(memory: 1, cpu: 0.5, processes: 2, openFiles: 3, fileSize: 4, nice: -4, bestEffort: true),
        port: 9000)),
    .route(
      Requirements(
        language: "lua", kernelspec: "lua", config: "a.toml", provider: "p", model: "m", memory: 9, labels: ["k": "v"],
        owner: "ann", session: "s")),
    .scale(
      PoolView(
        name: "p", minimum: 1, maximum: 8, warm: 2, kernels: 3, starting: 4, used: 5, free: 6, draining: 7, waiting: 9,
        arrivals: 0.25)),
    .alert,
    .restart(
      Crash(
        uuid: uuid,
        exit: ExitInfo(
          code: 3, signal: 9, outOfMemory: true, limit: .machineMemory, isUnseen: true, detail: "d",
          endedAt: 1_700_000_000_000, isLost: true),
        reason: "killed", recent: 2, uptime: 1.5, proposal: 0.5)),
  ]

  private static let answers: [[Answer]] = [
    [.admit(.allow(limits: Limits(cpu: 0.5))), .admit(.reject("no"))],
    [
      .route(.use(uuid)), .route(.spawn(config: "a.toml", language: nil)), .route(.wait(seconds: 2.5)),
      .route(.reject("no")),
    ],
    [.scale(ScaleAnswer(wanted: 3, retire: ["a", "b"])), .scale(ScaleAnswer(wanted: 0))],
    [
      .alert([]),
      .alert([
        AlertCondition(
          name: "High", kernel: uuid, severity: "critical", summary: "s", value: 1.5, labels: ["k": "v"],
          hold: .milliseconds(1500), keepFiring: .seconds(60)), AlertCondition(name: "Low"),
      ]),
    ],
    [.restart(.restart(after: 0.5)), .restart(.giveUp("why"))],
  ]

  private static func decisions() -> [Decision] {
    zip(subjects, answers).flatMap { subject, answers in
      answers.enumerated().map { index, answer in
        Decision(
          id: index + 1, question: PolicyQuestion(subject, now: Instant(nanoseconds: 12), seed: .max - 1),
          policy: index == 0
            ? PolicyAnswer(answer: answer, reason: "r", policy: "/p/a.lua", hash: "ff", duration: .microseconds(3))
            : PolicyAnswer(policy: "/p/a.lua", failure: "a.lua:3: oops"),
          outcome: answer, reason: "because", clamps: index == 0 ? ["asked 9, allowed 6"] : [], isFallback: index > 0,
          spawned: index == 0, kernel: index == 0 ? KernelID(uuid: uuid) : nil)
      }
    }
  }

  @Test func aTraceComesBackAsItWas() throws {
    let trace = Trace(
      rows: [Self.row()],
      entries: [.rows([.put(Self.row()), .remove(Self.uuid)]), .rows([])]
        + Self.decisions().map { .decision($0, at: 1_700_000_000_123) })
    let text = TraceDocument.encode(trace).text()
    #expect(try TraceDocument.decode(JSON(parsing: text)) == trace)
  }

  @Test func keysOfKernelsAreNotInIt() {
    #expect(!TraceDocument.encode(Trace(rows: [Self.row()])).text().contains("secret"))
  }

  @Test(arguments: [
    ("[]", "the document must be an object, not an array"),
    (
      "{\"format\":\"fleet-trace-9\"}",
      "this is a trace of the format 'fleet-trace-9'; this version of fleet reads 'fleet-trace-1'"
    ),
    ("{\"format\":\"fleet-trace-1\",\"entries\":[{}]}", "entries[0] has neither 'rows' nor 'decision'"),
    ("{\"format\":\"fleet-trace-1\",\"rows\":[{\"uuid\":3}]}", "rows[0].uuid must be a string, not a number"),
    (
      "{\"format\":\"fleet-trace-1\",\"entries\":[{\"at_ms\":1,\"decision\":{\"entry\":\"rout\"}}]}",
      "entries[0].decision.entry must be one of admit, route, scale, alert, restart, not a string"
    ),
  ]) func whatIsNoTraceIsToldWithItsPlace(_ text: String, _ complaint: String) throws {
    let document = try JSON(parsing: text)
    #expect(throws: DocumentError(complaint)) { try TraceDocument.decode(document) }
  }
}
