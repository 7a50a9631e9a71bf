// Where the history of metrics is kept: a SQLite database of its own, so that neither its size nor damage to it touches
// the registry. Bounded in rows by age and in bytes.
import FleetEngine
import Foundation
import GRDB
import Logging

/// One row: all kernels in one interval.
struct HistoryRow: Sendable, Hashable {
  /// The beginning of the interval, in seconds since 1970.
  var time: Int64
  var block: HistoryBlock
}

/// Used on one thread at a time.
final class HistoryDatabase: @unchecked Sendable {
  // `path`, `queue` and `mostBytes` do not change; `size` is only used on the recorder's queue.
  let path: String
  let queue: DatabaseQueue
  private let mostBytes: Int
  /// Bytes of all rows, and what SQLite needs for each.
  private(set) var size = 0

  /// What a row costs besides its entries, roughly.
  static let rowOverhead = 48

  /// Opens or makes the database; one that is damaged is set aside under another name, which is told.
  static func open(
    path: String, mostBytes: Int, logger: Logger
  ) throws(StorageError) -> HistoryDatabase {
    do {
      do { return try HistoryDatabase(path: path, mostBytes: mostBytes) } catch let error as DatabaseError
        where RegistryDatabase.isDamage(error, path)
      {
        let aside = try RegistryDatabase.setAside(path)
        logger.error("\(path) is damaged (\(error.message ?? "")) and is now \(aside); the history begins anew")
        return try HistoryDatabase(path: path, mostBytes: mostBytes)
      }
    } catch {
      throw StorageError("cannot open \(path)", error)
    }
  }

  private init(path: String, mostBytes: Int) throws {
    self.path = path
    self.mostBytes = mostBytes
    try RegistryDatabase.makePrivate(path)
    var configuration = Configuration()
    configuration.label = "fleet.history"
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -256") }
    queue = try DatabaseQueue(path: path, configuration: configuration)
    size = try queue.write { db in
      if let problem = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), problem != "ok" {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: problem)
      }
      try Self.schema.forEach { try db.execute(sql: $0) }
      return try Int.fetchOne(
        db, sql: "SELECT coalesce(sum(length(data) + ?), 0) FROM points", arguments: [Self.rowOverhead]) ?? 0
    }
  }

  private static let schema = [
    """
    CREATE TABLE IF NOT EXISTS points (
      id INTEGER PRIMARY KEY, step INTEGER NOT NULL, time INTEGER NOT NULL, rounds INTEGER NOT NULL, data BLOB NOT NULL,
      UNIQUE (step, time))
    """
  ]

  /// Writes rows of ten seconds, thins what became old, and removes what is older or more than is kept.
  /// - Parameter now: seconds since 1970.
  func write(_ rows: [HistoryRow], now: Int64) throws {
    var change = 0
    try queue.write { db in
      change = 0
      for row in rows { change += try put(row, .tenSeconds, db) }
      change += try thin(.tenSeconds, now, db)
      change += try thin(.minute, now, db)
      for step in HistoryStep.allCases { change -= try remove(step, before: now - step.kept, db) }
      change -= try removeExcess(size + change, db)
    }
    // Counted when it is committed: on a full disk nothing of it has happened.
    size += change
  }

  /// What is there of the same interval already is averaged with it: a clock that was put back meets its past again.
  /// - Returns: by how much the size grew.
  private func put(_ row: HistoryRow, _ step: HistoryStep, _ db: Database) throws -> Int {
    let existing = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT time, rounds, data FROM points WHERE step = ? AND time = ?"),
      arguments: [step.rawValue, row.time])
    let before = existing.flatMap(Self.decoded)
    let block = before.map { HistoryBlock.combined([$0.block, row.block]) } ?? row.block
    let data = block.encoded
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO points (step, time, rounds, data) VALUES (?, ?, ?, ?)").execute(
      arguments: [step.rawValue, row.time, block.rounds, Data(data)])
    let replaced = existing.map { (Data.fromDatabaseValue($0["data"])?.count ?? 0) + Self.rowOverhead } ?? 0
    return data.count + Self.rowOverhead - replaced
  }

  /// Nil if the row is damaged in a way that SQLite does not see.
  private static func decoded(_ row: Row) -> HistoryRow? {
    guard let time = Int64.fromDatabaseValue(row["time"]), let rounds = Int.fromDatabaseValue(row["rounds"]),
      let data = Data.fromDatabaseValue(row["data"]), let block = HistoryBlock(rounds: rounds, decoding: data)
    else { return nil }
    return HistoryRow(time: time, block: block)
  }

  /// Makes rows of the coarser step of all intervals that are over and have none yet.
  private func thin(_ step: HistoryStep, _ now: Int64, _ db: Database) throws -> Int {
    guard let coarser = step.coarser else { return 0 }
    // What a clock wrote that was ahead is no reason to wait until then.
    let last = try Int64.fetchOne(
      db, sql: "SELECT max(time) FROM points WHERE step = ? AND time <= ?", arguments: [coarser.rawValue, now])
    let end = coarser.start(of: now)
    let rows = try Row.fetchCursor(
      db, sql: "SELECT time, rounds, data FROM points WHERE step = ? AND time >= ? AND time < ? ORDER BY time",
      arguments: [step.rawValue, last.map { $0 + coarser.seconds } ?? 0, end])
    var intervals: [(time: Int64, blocks: [HistoryBlock])] = []
    while let row = try rows.next() {
      guard let row = Self.decoded(row) else { continue }
      let start = coarser.start(of: row.time)
      if intervals.last?.time != start { intervals.append((start, [])) }
      intervals[intervals.count - 1].blocks.append(row.block)
    }
    return try intervals.reduce(0) { sum, interval in
      try sum + put(HistoryRow(time: interval.time, block: .combined(interval.blocks)), coarser, db)
    }
  }

  private func remove(_ step: HistoryStep, before time: Int64, _ db: Database) throws -> Int {
    let size = try Int.fetchOne(
      db, sql: "SELECT coalesce(sum(length(data) + ?), 0) FROM points WHERE step = ? AND time < ?",
      arguments: [Self.rowOverhead, step.rawValue, time])
    guard let size, size > 0 else { return 0 }
    try db.execute(sql: "DELETE FROM points WHERE step = ? AND time < ?", arguments: [step.rawValue, time])
    return size
  }

  /// The oldest rows of the coarsest step go first: what is new is looked at most.
  private func removeExcess(_ size: Int, _ db: Database) throws -> Int {
    var freed = 0
    for step in HistoryStep.allCases.reversed() {
      while size - freed > mostBytes {
        let oldest = try Row.fetchOne(
          db, sql: "SELECT id, length(data) AS size FROM points WHERE step = ? ORDER BY time LIMIT 1",
          arguments: [step.rawValue])
        guard let oldest, let id = Int64.fromDatabaseValue(oldest["id"]),
          let length = Int.fromDatabaseValue(oldest["size"])
        else { break }
        try db.execute(sql: "DELETE FROM points WHERE id = ?", arguments: [id])
        freed += length + Self.rowOverhead
      }
    }
    return freed
  }

  /// Rows of one step between two times, the first included, in their order. Damaged rows are left out.
  func rows(_ step: HistoryStep, from: Int64, to: Int64) throws(StorageError) -> [HistoryRow] {
    do {
      return try queue.read { db in
        try Row.fetchAll(
          db, sql: "SELECT time, rounds, data FROM points WHERE step = ? AND time >= ? AND time < ? ORDER BY time",
          arguments: [step.rawValue, from, to]
        ).compactMap(Self.decoded)
      }
    } catch {
      throw StorageError("cannot read \(path)", error)
    }
  }

  func close() throws(StorageError) {
    do { try queue.close() } catch { throw StorageError("cannot close \(path)", error) }
  }
}
