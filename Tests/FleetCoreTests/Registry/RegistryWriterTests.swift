// Commits that wait share a sync, and their answers come in order; what cannot be written is told, and kept.

import FleetEngine
import Foundation
import GRDB
import Logging
import Synchronization
import Testing

@testable import FleetCore

private final class Told: Sendable {
  let problems = Mutex<[String?]>([])
}

@Suite struct RegistryWriterTests {
  let directory: TemporaryDirectory
  let database: RegistryDatabase
  let writer: RegistryWriter
  private let told = Told()
  var path: String { directory.file("fleet.db") }

  init() throws {
    directory = try TemporaryDirectory()
    database = try RegistryDatabase.open(path: directory.file("fleet.db")).database
    writer = RegistryWriter(database: database, bootID: "boot", log: .silent) { [told] problem in
      told.problems.withLock { $0.append(problem) }
    }
  }

  private func put(_ n: Int, durable: Bool = true) -> RegistryWriter.Work {
    RegistryWriter.Work(changes: [.put(.complete(n), backoff: nil)], durable: durable)
  }

  /// Transactions in the log: frames that end one carry the size of the database.
  private func transactions() throws -> Int {
    let log = try [UInt8](Data(contentsOf: URL(filePath: path + "-wal")))
    let page = log[8..<12].reduce(0) { $0 << 8 | Int($1) }
    return stride(from: 32, to: log.count, by: 24 + page).count { log[($0 + 4)..<($0 + 8)].contains { $0 != 0 } }
  }

  /// The writer is at work until all of this is submitted.
  private func submitTogether(_ work: [RegistryWriter.Work]) {
    let (isThere, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    writer.submit(
      .init(completion: { _ in
        isThere.signal()
        gate.wait()
      }))
    isThere.wait()
    for item in work { writer.submit(item) }
    gate.signal()
  }

  @Test func tenAtOnceShareSyncs() async throws {
    let before = try transactions()
    let order = Mutex<[Int]>([])
    submitTogether(
      (1...10).map { n in
        var work = put(n)
        work.completion = { _ in order.withLock { $0.append(n) } }
        return work
      })
    await writer.flush()
    #expect(try transactions() - before == 1)
    #expect(order.withLock { $0 } == Array(1...10))
    try database.close()
    #expect(try RegistryDatabase.kernels(at: path).count == 10)
  }

  /// Commits of `count` clients that come one after the other within the time; how many transactions they took.
  private func transactions(of count: Int, within time: Duration, mayWait: Bool) async throws -> Int {
    let before = try transactions()
    let start = ContinuousClock.now
    await withTaskGroup { group in
      for n in 0..<count {
        group.addTask {
          // The arrivals are the point of the test.
          try? await Task.sleep(until: start + time * n / count)
          await withCheckedContinuation { continuation in
            var work = put(n + 1)
            work.mayWait = mayWait
            work.completion = { _ in continuation.resume() }
            writer.submit(work)
          }
        }
      }
    }
    return try transactions() - before
  }

  @Test func commitsOfManyShareSyncs() async throws {
    #expect(try await transactions(of: 10, within: .milliseconds(200), mayWait: true) <= 6)
    #expect(try await transactions(of: 30, within: .milliseconds(30), mayWait: true) <= 4)
    try database.close()
    #expect(try RegistryDatabase.kernels(at: path).count == 30)
  }

  @Test func oneAloneWaitsForNobodyAndTakesTheOthersAlong() async throws {
    _ = try await transactions(of: 30, within: .milliseconds(30), mayWait: true)
    let before = try transactions()
    let order = Mutex<[Int]>([])
    submitTogether(
      (1...3).map { n in
        var work = put(n)
        work.mayWait = n < 3
        work.completion = { _ in order.withLock { $0.append(n) } }
        return work
      })
    await writer.flush()
    #expect(order.withLock { $0 } == [1, 2, 3])
    #expect(try transactions() - before == 1)
    try database.close()
  }

  /// The last change of a row wins, also within one transaction.
  @Test func changesKeepTheirOrder() async throws {
    for n in 0..<200 {
      var kernel = Kernel.complete()
      kernel.generation = n
      writer.submit(.init(changes: [n % 3 == 0 ? .remove(kernel.id) : .put(kernel, backoff: nil)], durable: n % 5 == 0))
    }
    await writer.flush()
    try database.close()
    #expect(try RegistryDatabase.kernels(at: path).map(\.generation) == [199])
  }

  @Test func theLastCountIsWritten() async throws {
    for n in 1...5 { writer.submit(.init(changes: [.put(.complete(n), backoff: nil)], totalSpawned: n * 10)) }
    writer.submit(put(6))
    await writer.flush()
    try database.close()
    let (again, content) = try RegistryDatabase.open(path: path)
    #expect(content.totalSpawned == 50)
    try again.close()
  }

  @Test func aFailureIsToldToEachAndTheStoryIsKept() async throws {
    // Without its table no event can be written; with it, everything can be again.
    let other = try DatabaseQueue(path: path)
    try await other.write { try $0.execute(sql: "ALTER TABLE events RENAME TO hidden") }
    let failures = Mutex<[String]>([])
    submitTogether(
      (1...3).map { n in
        var work = put(n)
        work.notes = [StoredNote(time: Int64(n), note: Note(kernel: nil, event: .died, detail: ""))]
        work.completion = { if case .failure(let error) = $0 { failures.withLock { $0.append(error.description) } } }
        return work
      })
    await writer.flush()
    #expect(failures.withLock { $0.count } == 3)
    let problem = "cannot write the registry \(path): no such table: events"
    #expect(failures.withLock { $0.allSatisfy { $0 == problem } })
    #expect(writer.problem == problem && told.problems.withLock { $0 } == [problem])
    // Rows can be written meanwhile, which does not end the problem for a moment.
    writer.submit(put(4))
    await writer.flush()
    #expect(writer.problem == problem && told.problems.withLock { $0 } == [problem])
    // What was to be told comes afterwards, in its order.
    try await other.write { try $0.execute(sql: "ALTER TABLE hidden RENAME TO events") }
    try other.close()

    var last = put(4, durable: false)
    last.notes = [StoredNote(time: 4, note: Note(kernel: nil, event: .died, detail: ""))]
    writer.submit(last)
    await writer.flush()
    #expect(writer.problem == nil && told.problems.withLock { $0 } == [problem, nil])
    let times = try database.notes(of: nil, last: 10).map(\.time)
    #expect(times == [1, 2, 3, 4])
    try database.close()
    // Rows are the engine's to give again.
    #expect(try RegistryDatabase.kernels(at: path).map(\.serial) == [4])
  }
}

extension Logger {
  /// For tests that expect complaints.
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
