// What becomes a row of the history, and what a bad disk costs.

import FleetEngine
import Foundation
import JSON
import Logging
import Testing

@testable import FleetCore

@Suite struct HistoryRecorderTests {
  private let directory: TemporaryDirectory
  private let log = CollectedLog()
  private let start: Int64 = 1_800_000_000

  init() throws { directory = try TemporaryDirectory() }

  private func recorder(_ name: String = "metrics.db") -> HistoryRecorder {
    HistoryRecorder(path: directory.file(name), logger: Logger(label: "test") { [log] _ in log })
  }

  private static let kernel = KernelID(uuid: "1a2b3c4d-5e6f-4a1b-8c2d-0123456789ab")!

  private func sample(
    pid: Int32 = 7, cpu: Double, busy: Double = 0, connections: Int = 0, age: Duration = .seconds(1000)
  ) -> HistorySample {
    HistorySample(
      kernel: Self.kernel, pid: pid, memory: 1 << 20, cpu: Int64(cpu * 1e6), busy: .seconds(busy),
      connections: connections, age: age)
  }

  private func rows(_ recorder: HistoryRecorder) async throws -> [HistoryRow] {
    try await recorder.rows(.tenSeconds, from: 0, to: .max, now: start + 60)
  }

  @Test func sharesAreOfTheTimeBetweenRounds() async throws {
    let recorder = recorder()
    recorder.append([sample(cpu: 100, busy: 50)], time: start, at: .seconds(0))
    recorder.append([sample(cpu: 105, busy: 52, connections: 2)], time: start + 10, at: .seconds(10))
    // A round that came late.
    recorder.append([sample(cpu: 110, busy: 72)], time: start + 30, at: .seconds(30))
    let rows = try await rows(recorder)
    #expect(rows.map(\.time) == [start, start + 10, start + 30])
    // What it used before anybody looked is not of these ten seconds.
    #expect(rows[0].block.entries.isEmpty && rows[0].block.rounds == 1)
    #expect(rows[1].block.entries.map(\.cpu) == [50] && rows[1].block.entries.map(\.connections) == [2])
    #expect(abs(rows[1].block.entries[0].busy - 0.2) < 0.001)
    #expect(rows[2].block.entries.map(\.cpu) == [25] && rows[2].block.entries[0].busy == 1)
    await recorder.close(now: start + 60)
  }

  @Test func aProcessThatIsNewCountsFromItsStart() async throws {
    let recorder = recorder()
    recorder.append([sample(pid: 7, cpu: 100)], time: start, at: .seconds(0))
    recorder.append([sample(pid: 8, cpu: 2, age: .seconds(4))], time: start + 10, at: .seconds(10))
    let rows = try await rows(recorder)
    #expect(rows[1].block.entries.map(\.cpu) == [20])
    await recorder.close(now: start + 60)
  }

  @Test func twoRoundsOfOneIntervalAreOneRow() async throws {
    let recorder = recorder()
    recorder.append([sample(cpu: 0, age: .seconds(1))], time: start, at: .seconds(0))
    recorder.append([sample(cpu: 1)], time: start + 9, at: .seconds(10))
    let rows = try await rows(recorder)
    #expect(rows.count == 1 && rows[0].block.rounds == 2 && rows[0].block.entries.map(\.cpu) == [5])
    await recorder.close(now: start + 60)
  }

  @Test func sixRoundsAreWrittenWithoutBeingAskedFor() async throws {
    let recorder = recorder()
    #expect(!FileManager.default.fileExists(atPath: directory.file("metrics.db")), "nothing to keep, no file")
    for round in 0..<6 {
      recorder.append([sample(cpu: Double(round))], time: start + Int64(round) * 10, at: .seconds(round * 10))
    }
    #expect(await eventually { FileManager.default.fileExists(atPath: directory.file("metrics.db")) })
    await recorder.close(now: start + 60)
    let database = try HistoryDatabase.open(
      path: directory.file("metrics.db"), mostBytes: 1 << 20, logger: Logger(label: "test") { [log] _ in log })
    #expect(try database.rows(.tenSeconds, from: 0, to: .max).count == 6)
    try database.close()
  }

  @Test func aDiskThatRefusesCostsTheOldestPointsAndIsToldOnce() async throws {
    // A directory stands where the database should be.
    try FileManager.default.createDirectory(
      atPath: directory.file("metrics.db"), withIntermediateDirectories: false)
    let recorder = recorder()
    let count = HistoryRecorder.capacity + 40
    for round in 0..<count {
      recorder.append([sample(cpu: Double(round))], time: start + Int64(round) * 10, at: .seconds(round * 10))
    }
    await #expect(throws: StorageError.self) { try await rows(recorder) }
    #expect(log.lines.count { $0.contains("the history of metrics is not written") } == 1)
    try FileManager.default.removeItem(atPath: directory.file("metrics.db"))
    let end = start + Int64(count) * 10
    let kept = try await recorder.rows(.tenSeconds, from: 0, to: .max, now: end)
    #expect(kept.count <= HistoryRecorder.capacity && kept.last?.time == end - 10)
    #expect(log.lines.contains { $0.contains("is written again") })
    await recorder.close(now: end)
  }

  @Test func aHostTellsWhatItsKernelsUsed() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      var document: JSON = [:]
      let deadline = ContinuousClock.now + .seconds(60)
      while document["points"]?.array?.isEmpty != false, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(100))
        document = try await host.metricsHistory(HistoryQuery(kernel: kernel.id))
      }
      let point = try #require(document["points"]?[0], "\(document)")
      #expect(document["kernel"] == .string(kernel.id) && document["step_seconds"] == 10)
      #expect((point["memory_mb"]?.double ?? 0) > 5 && point["kernels"]?.double == 1)
      let fleetPoint = try #require(try await host.metricsHistory(HistoryQuery())["points"]?[0])
      #expect((fleetPoint["memory_mb"]?.double ?? 0) > 5)
      let refused = await refusal { try await host.metricsHistory(HistoryQuery(kernel: "kernel-00000000")) }
      #expect(refused?.code == .kernelNotFound)
      // It is known when it is gone, and to the next host.
      _ = try await host.stop(kernel.id, force: true, timeout: .seconds(1))
      try await fleet.drop()
      let next = try fleet.start()
      let later = try await next.metricsHistory(HistoryQuery(kernel: kernel.id))
      #expect(later["points"]?.array?.isEmpty == false)
    }
  }

  @Test func withoutAHistoryNothingIsKept() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.configuration.metrics.history = false }
      _ = try await host.spawn(fleet.request())
      let refused = await refusal { try await host.metricsHistory(HistoryQuery()) }
      #expect(refused?.code == .badRequest && refused?.message.contains("history = false") == true)
      try await fleet.drop(kernels: true)
      #expect(!fleet.exists(fleet.directory.metrics))
    }
  }
}
