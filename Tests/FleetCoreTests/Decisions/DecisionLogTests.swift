// What is recorded of decisions comes back: in its order, with the rows of its time, within its bounds.

import FleetEngine
import Foundation
import Logging
import Testing

@testable import FleetCore

@Suite struct DecisionLogTests {
  private let directory: TemporaryDirectory
  private let log = CollectedLog()

  init() throws { directory = try TemporaryDirectory() }

  private func open(_ bounds: DecisionLog.Bounds = .init()) -> DecisionRecorder {
    DecisionRecorder(
      path: directory.file("decisions.db"), bounds: bounds, logger: Logger(label: "test") { [log] _ in log })
  }

  private func row(_ n: Int, clients: Int = 0, memory: Int64? = nil) -> KernelRow {
    var row = KernelRow(.bare(n))
    row.clients = clients
    row.memory = memory
    return row
  }

  private func decision(_ id: Int, entry: PolicyQuestion.Subject = .alert, kernel: KernelID? = nil) -> Decision {
    Decision(
      id: id, question: PolicyQuestion(entry, now: Instant(nanoseconds: Int64(id)), seed: UInt64(id)),
      policy: PolicyAnswer(answer: .alert([])), outcome: .alert([]), reason: "because \(id)", kernel: kernel)
  }

  private func trace(_ recorder: DecisionRecorder, from: Int64 = 0, to: Int64 = .max) async throws -> Trace {
    try await recorder.flushed { log in Result { () throws(StorageError) in try log.get().trace(from: from, to: to) } }
      .get()
  }

  private func last(_ recorder: DecisionRecorder, _ filter: DecisionFilter = .init()) async throws -> [RecordedDecision]
  {
    let found = await recorder.flushed { log in Result { () throws(StorageError) in try log.get().last(filter) } }
    return try #require(try found.get())
  }

  @Test func pagesOfDecisionsAddUp() async throws {
    let recorder = open()
    for number in 1...7 {
      recorder.append(.decided(decision(number), at: Int64(number)))
      // Some in one write, some in the next.
      if number % 3 == 0 { _ = try await last(recorder) }
    }
    var filter = DecisionFilter(limit: 2)
    var pages: [[Int]] = []
    while true {
      let page = try await last(recorder, filter)
      if page.isEmpty { break }
      pages.append(page.map(\.decision.id))
      filter.before = page.last.map { ($0.run, $0.decision.id) }
    }
    #expect(pages == [[7, 6], [5, 4], [3, 2], [1]])
    filter.before = (run: await recorder.run, number: 99)
    let gone = filter
    let found = try await recorder.flushed { log in Result { () throws(StorageError) in try log.get().last(gone) } }
      .get()
    #expect(found == nil)
  }

  @Test func aDecisionStandsWhereItsQuestionWentOut() async throws {
    let recorder = open()
    recorder.append(.rows([.put(row(1)), .put(row(2))]))
    recorder.append(.asked(1))
    recorder.append(.rows([.put(row(1, clients: 1))]))
    recorder.append(.asked(2))
    recorder.append(.decided(decision(2), at: 2000))
    // In another write.
    _ = try await last(recorder)
    recorder.append(.rows([.remove(row(2).uuid)]))
    recorder.append(.decided(decision(1), at: 3000))
    recorder.append(.decided(decision(3), at: 4000))
    #expect(
      try await trace(recorder)
        == Trace(
          rows: [row(1), row(2)],
          entries: [
            .decision(decision(1), at: 3000), .rows([.put(row(1, clients: 1))]), .decision(decision(2), at: 2000),
            .rows([.remove(row(2).uuid)]), .decision(decision(3), at: 4000),
          ]))
    #expect(
      try await trace(recorder, from: 3500, to: 4000)
        == Trace(rows: [row(1, clients: 1)], entries: [.decision(decision(3), at: 4000)]))
    #expect(try await trace(recorder, from: 5000) == Trace())
    await recorder.close()
  }

  @Test func onlyWhatChangedIsWrittenAndAllOfItIsRead() async throws {
    let recorder = open()
    recorder.append(.rows([.put(row(1, memory: 5))]))
    recorder.append(.decided(decision(1), at: 1))
    _ = try await last(recorder)
    recorder.append(.rows([.put(row(1, clients: 2))]))
    recorder.append(.decided(decision(2), at: 2))
    let trace = try await trace(recorder)
    #expect(trace.rows == [row(1, memory: 5)])
    #expect(trace.entries.dropFirst().first == .rows([.put(row(1, clients: 2))]))
    await recorder.close()
  }

  @Test func theLastDecisionsAreFoundByWhatTheyAreAbout() async throws {
    let recorder = open()
    for id in 1...50 {
      let entry: PolicyQuestion.Subject = id % 2 == 0 ? .route(Requirements()) : .alert
      var made = decision(id, entry: entry, kernel: id % 5 == 0 ? .number(7) : .number(8))
      if id % 2 == 0 { (made.policy.answer, made.outcome) = (nil, .route(.use("k"))) }
      recorder.append(.decided(made, at: Int64(id)))
      if id % 10 == 0 { _ = try await last(recorder) }
    }
    #expect(try await last(recorder, .init(limit: 3)).map(\.id) == ["1-50", "1-49", "1-48"])
    #expect(try await last(recorder, .init(limit: 2, entry: .route)).map(\.decision.id) == [50, 48])
    #expect(
      try await last(recorder, .init(kernel: .number(7), since: 21)).map(\.decision.id) == [50, 45, 40, 35, 30, 25])
    #expect(try await last(recorder, .init(kernel: .number(9))).isEmpty)
    await recorder.close()
  }

  @Test func numbersGoOnBeingUniqueAndRowsOfAnEarlierHostGo() async throws {
    var recorder = open()
    recorder.append(.rows([.put(row(1))]))
    recorder.append(.decided(decision(1), at: 1))
    await recorder.close()
    recorder = open()
    recorder.append(.rows([.put(row(2))]))
    recorder.append(.decided(decision(1), at: 2))
    #expect(try await last(recorder).map(\.id) == ["2-1", "1-1"])
    let found = await recorder.flushed { log in
      Result { () throws(StorageError) in try log.get().find(run: 2, number: 1) }
    }
    let (recorded, rows) = try #require(try found.get())
    #expect(recorded.decision == decision(1) && rows == [row(2)])
    #expect(
      try await trace(recorder).entries
        == [
          .decision(decision(1), at: 1), .rows([.remove(row(1).uuid)]), .rows([.put(row(2))]),
          .decision(decision(1), at: 2),
        ])
    await recorder.close()
  }

  @Test func theOldestGoAndTheRestCanBeRead() async throws {
    let recorder = open(.init(size: 1 << 20))
    let rows = (1...40).map { row($0) }
    recorder.append(.rows(rows.map(KernelRowChange.put)))
    for id in 1...8000 {
      recorder.append(.decided(decision(id), at: Int64(id)))
      if id % 200 == 0 { _ = try await last(recorder, .init(limit: 1)) }
    }
    let trace = try await trace(recorder)
    #expect(trace.rows == rows)
    let kept = trace.entries.count
    #expect(kept > 1000 && kept < 8000)
    #expect(trace.entries.last == .decision(decision(8000), at: 8000))
    await recorder.close()
    let size = ["", "-wal"].reduce(0) { size, suffix in
      let path = directory.file("decisions.db\(suffix)")
      return size + (((try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int) ?? 0)
    }
    #expect(size < 4 << 20)
  }

  @Test func aDamagedFileIsSetAside() async throws {
    try Data("this is no database".utf8).write(to: URL(filePath: directory.file("decisions.db")))
    let recorder = open()
    recorder.append(.decided(decision(1), at: 1))
    #expect(try await last(recorder).map(\.id) == ["1-1"])
    #expect(directory.names().contains { $0.hasPrefix("decisions.db.damaged-") })
    await recorder.close()
  }

  @Test func whatDoesNotFitCostsDecisionsAndNoRows() async throws {
    let recorder = open()
    recorder.append(.rows([.put(row(1))]))
    for id in 1...(DecisionRecorder.capacity + 10) { recorder.append(.decided(decision(id), at: Int64(id))) }
    let trace = try await trace(recorder)
    #expect(trace.rows == [row(1)])
    #expect(
      trace.entries.last
        == .decision(decision(DecisionRecorder.capacity + 10), at: Int64(DecisionRecorder.capacity + 10)))
    await recorder.close()
  }
}
