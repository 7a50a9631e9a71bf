// The history of metrics: averages that are exact, bounds that hold, disks that fail.

import FleetEngine
import Foundation
import GRDB
import Logging
import Testing

@testable import FleetCore

@Suite struct HistoryTests {
  private let directory: TemporaryDirectory
  private let log = CollectedLog()
  private var path: String { directory.file("metrics.db") }
  private var logger: Logger { Logger(label: "test") { [log] _ in log } }

  init() throws { directory = try TemporaryDirectory() }

  private static func key(_ n: Int) -> HistoryKey { HistoryKey(KernelID(uuid: uuid(n))!) }

  private static func uuid(_ n: Int) -> String {
    let digits = String(n, radix: 16)
    return "0000000a-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  private static func entry(
    _ n: Int, rounds: Int = 1, memory: Double = 1_048_576, cpu: Double = 1, connections: Double = 0, busy: Double = 0
  ) -> HistoryEntry {
    HistoryEntry(
      kernel: key(n), rounds: rounds, memory: memory, cpu: cpu, connections: connections, busy: busy)
  }

  private func open(mostBytes: Int = 1 << 30) throws -> HistoryDatabase {
    try HistoryDatabase.open(path: path, mostBytes: mostBytes, logger: logger)
  }

  /// A row for each ten seconds of a stretch of time, written a minute at a time.
  private func fill(
    _ database: HistoryDatabase, from: Int64, seconds: Int64, every: Int64 = 10, batch: Int64 = 60,
    _ entries: (Int64) -> [HistoryEntry]
  ) throws {
    for start in stride(from: from, to: from + seconds, by: Int64.Stride(batch)) {
      let rows = stride(from: start, to: min(start + batch, from + seconds), by: Int64.Stride(every)).map {
        HistoryRow(time: $0, block: HistoryBlock(rounds: 1, entries: entries($0)))
      }
      try database.write(rows, now: start + batch)
    }
  }

  private static func count(_ database: HistoryDatabase, _ step: HistoryStep) throws -> Int {
    try database.rows(step, from: 0, to: .max).count
  }

  // MARK: Blocks

  @Test func aBlockIsReadAsItWasWritten() throws {
    let block = HistoryBlock(
      rounds: 6,
      entries: [
        Self.entry(1, rounds: 6, memory: 15_728_640, cpu: 12.5, connections: 3, busy: 1),
        Self.entry(2, rounds: 2, memory: 0, cpu: 0, connections: 0.5, busy: 0),
      ])
    let bytes = block.encoded
    #expect(bytes.count == 2 * HistoryBlock.entrySize)
    #expect(HistoryBlock(rounds: 6, decoding: bytes) == block)
    #expect(HistoryBlock(rounds: 6, decoding: bytes.dropLast()) == nil)
    #expect(HistoryBlock(rounds: 0, decoding: bytes) == nil)
    #expect(HistoryBlock(rounds: 1, decoding: []) == HistoryBlock(rounds: 1, entries: []))
    var broken = bytes
    broken.replaceSubrange(20..<24, with: [0, 0, 0xC0, 0x7F])  // cpu: not a number
    #expect(HistoryBlock(rounds: 6, decoding: broken) == nil)
  }

  @Test func aKeyIsTheWholeUUID() throws {
    let id = try #require(KernelID(uuid: "1a2b3c4d-5e6f-4a1b-8c2d-0123456789ab"))
    let key = HistoryKey(id)
    #expect(key.high == 0x1A2B_3C4D_5E6F_4A1B && key.low == 0x8C2D_0123_4567_89AB)
    #expect(key.begins(with: 0x1A2B_3C4D) && !key.begins(with: 0x1A2B_3C4E))
  }

  @Test func averagesAreWeightedSoThatSumsStay() {
    let combined = HistoryBlock.combined([
      HistoryBlock(rounds: 1, entries: [Self.entry(1, memory: 100, cpu: 10, busy: 1)]),
      HistoryBlock(
        rounds: 3, entries: [Self.entry(1, rounds: 3, memory: 200, cpu: 30), Self.entry(2, rounds: 1, memory: 40)]),
    ])
    #expect(combined.rounds == 4)
    #expect(combined.entries[0] == Self.entry(1, rounds: 4, memory: 175, cpu: 25, busy: 0.25))
    #expect(combined.entries[1] == Self.entry(2, rounds: 1, memory: 40))
  }

  // MARK: Thinning

  @Test func minutesAndTenMinutesAreAveragesOfWhatTheyReplace() throws {
    let database = try open()
    let start: Int64 = 1_800_000_000
    try fill(database, from: start, seconds: 1800) { time in
      // Kernel 1 grows; kernel 2 lives in every second ten minutes.
      let first = Self.entry(1, memory: Double(time - start), cpu: 50)
      return (time - start) / 600 % 2 == 0 ? [first] : [first, Self.entry(2, memory: 600, cpu: 10)]
    }
    let minutes = try database.rows(.minute, from: 0, to: .max)
    #expect(minutes.map(\.time) == (0..<30).map { start + Int64($0) * 60 })
    #expect(minutes[7].block.entries == [Self.entry(1, rounds: 6, memory: 445, cpu: 50)])
    let tens = try database.rows(.tenMinutes, from: 0, to: .max)
    #expect(tens.map(\.time) == [start, start + 600, start + 1200])
    #expect(tens.map(\.block.rounds) == [60, 60, 60])
    #expect(tens[1].block.entries.map(\.memory) == [895, 600] && tens[1].block.entries.map(\.rounds) == [60, 60])
    #expect(tens[2].block.entries.map(\.memory) == [1495])
    try database.close()
  }

  @Test func whatIsKeptIsBoundedByAge() throws {
    let database = try open()
    let start: Int64 = 1_800_000_000
    // Thirty-two days, a round every ten minutes, then two hours without gaps.
    try fill(database, from: start, seconds: 32 * 86_400, every: 600, batch: 21_600) { _ in [Self.entry(1)] }
    let dense = start + 32 * 86_400
    try fill(database, from: dense, seconds: 7200) { _ in [Self.entry(1)] }
    let end = dense + 7200
    #expect(try Self.count(database, .tenSeconds) == 360)
    let minutes = try database.rows(.minute, from: 0, to: .max)
    #expect(minutes.allSatisfy { $0.time >= end - 86_400 } && minutes.count == 120 + 22 * 6)
    let tens = try database.rows(.tenMinutes, from: 0, to: .max)
    #expect(tens.count == 30 * 144 && tens.first?.time == end - 30 * 86_400)
    let bytes = try database.queue.read { db in
      try Int.fetchOne(db, sql: "SELECT sum(length(data) + \(HistoryDatabase.rowOverhead)) FROM points")
    }
    #expect(database.size == bytes)
    try database.close()
    // What was counted is counted again by the next host.
    let again = try open()
    #expect(again.size == bytes)
    try again.close()
  }

  @Test func whatIsKeptIsBoundedInBytes() throws {
    let row = HistoryDatabase.rowOverhead + 100 * HistoryBlock.entrySize
    let database = try open(mostBytes: 50 * row)
    let start: Int64 = 1_800_000_000
    try fill(database, from: start, seconds: 3600, batch: 600) { _ in (0..<100).map { Self.entry($0) } }
    #expect(database.size <= 50 * row && database.size > 48 * row)
    // The newest are there; the coarse ones went first.
    let rows = try database.rows(.tenSeconds, from: 0, to: .max)
    #expect(rows.last?.time == start + 3590 && rows.last?.block.entries.count == 100)
    #expect(try Self.count(database, .tenMinutes) == 0)
    try database.close()
  }

  @Test func aClockThatIsPutBackMeetsItsPast() throws {
    let database = try open()
    let time: Int64 = 1_800_000_000
    try database.write(
      [HistoryRow(time: time, block: HistoryBlock(rounds: 1, entries: [Self.entry(1, cpu: 10)]))], now: time + 7200)
    #expect(try Self.count(database, .tenSeconds) == 0, "older than an hour already")
    for cpu in [10.0, 30] {
      try database.write(
        [HistoryRow(time: time + 7200, block: HistoryBlock(rounds: 1, entries: [Self.entry(1, cpu: cpu)]))],
        now: time + 7210)
    }
    let rows = try database.rows(.tenSeconds, from: 0, to: .max)
    #expect(rows.map(\.block) == [HistoryBlock(rounds: 2, entries: [Self.entry(1, rounds: 2, cpu: 20)])])
    // A clock that was a year ahead does not stop the thinning of what comes after it was put right.
    try fill(database, from: time + 365 * 86_400, seconds: 60) { _ in [Self.entry(1)] }
    try fill(database, from: time + 14_400, seconds: 120) { _ in [Self.entry(1)] }
    let minutes = try database.rows(.minute, from: time + 14_400, to: time + 14_520).map(\.time)
    #expect(minutes == [time + 14_400, time + 14_460])
    try database.close()
  }

  // MARK: Damage

  @Test func aDamagedDatabaseIsSetAsideAndTheHistoryBeginsAnew() throws {
    let first = try open()
    try fill(first, from: 1_800_000_000, seconds: 600) { _ in (0..<50).map { Self.entry($0) } }
    try first.close()
    var bytes = try Data(contentsOf: URL(filePath: path))
    bytes.replaceSubrange(0..<100, with: Data(repeating: 0x5A, count: 100))
    try bytes.write(to: URL(filePath: path))
    let second = try open()
    #expect(try Self.count(second, .tenSeconds) == 0)
    try second.close()
    let aside = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
      $0.contains("metrics.db.damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
    }
    #expect(aside.count == 1)
    #expect(try Data(contentsOf: URL(filePath: directory.file(aside.first ?? ""))) == bytes)
    #expect(log.lines.contains { $0.hasPrefix("error:") && $0.contains("is damaged") })
  }

  @Test func flippedBytesNeverEndTheHost() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed)
    let first = try open()
    try fill(first, from: 1_800_000_000, seconds: 1800) { _ in (0..<20).map { Self.entry($0) } }
    try first.close()
    let sound = try Data(contentsOf: URL(filePath: path))
    for _ in 0..<100 {
      var bytes = sound
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      }
      try bytes.write(to: URL(filePath: path))
      do {
        let database = try open()
        for step in HistoryStep.allCases { _ = try? database.rows(step, from: 0, to: .max) }
        // It may be refused; what matters is that it comes back.
        try? database.write(
          [HistoryRow(time: 1_800_001_800, block: HistoryBlock(rounds: 1, entries: [Self.entry(1)]))],
          now: 1_800_001_800)
        try? database.close()
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
      for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
        try FileManager.default.removeItem(atPath: directory.file(file))
      }
    }
  }
}

/// splitmix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
