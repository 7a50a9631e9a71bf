// Where recorded decisions go: blobs in a SQLite database of their own, so that neither their size nor damage to them
// touches the registry. Bounded by size and age.
import FleetEngine
import Foundation
import GRDB
import Logging

/// Used on one thread at a time.
final class DecisionLog: @unchecked Sendable {
  // `run`, `path` and `queue` do not change; everything else is only used on the recorder's queue.
  /// Counts the runs of hosts in this directory: with a decision's number it names the decision.
  let run: Int
  let path: String
  let queue: DatabaseQueue
  private let bounds: Bounds
  private let logger: Logger
  private var encoder = DecisionEncoder()
  private var size: Int
  private var sinceCheckpoint = 0
  private var checkpointSize = 0
  private var isFirst = true
  private var isFailing = false

  struct Bounds: Sendable {
    var size: Int64 = 64 << 20
    var age: Duration = .seconds(7 * 86_400)
  }

  /// Opens or makes the database; one that is damaged is set aside under another name.
  static func open(path: String, bounds: Bounds, logger: Logger) throws(StorageError) -> DecisionLog {
    do {
      do { return try DecisionLog(path: path, bounds: bounds, logger: logger) } catch let error as DatabaseError
        where RegistryDatabase.isDamage(error, path)
      {
        let aside = try RegistryDatabase.setAside(path)
        logger.error("\(path) is damaged (\(error.message ?? "")) and is now \(aside); recorded decisions begin anew")
        return try DecisionLog(path: path, bounds: bounds, logger: logger)
      }
    } catch {
      throw StorageError("cannot open \(path)", error)
    }
  }

  private init(path: String, bounds: Bounds, logger: Logger) throws {
    self.path = path
    self.bounds = bounds
    self.logger = logger
    try RegistryDatabase.makePrivate(path)
    var configuration = Configuration()
    configuration.label = "fleet.decisions"
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -256") }
    queue = try DatabaseQueue(path: path, configuration: configuration)
    (run, size) = try queue.write { db in
      try Self.schema.forEach { try db.execute(sql: $0) }
      try db.execute(sql: "INSERT INTO runs (started) VALUES (?)", arguments: [FleetHost.wallMilliseconds()])
      let run = Int(db.lastInsertedRowID)
      return (run, try Int.fetchOne(db, sql: "SELECT coalesce(sum(size), 0) FROM blobs") ?? 0)
    }
  }

  private static let schema = [
    "CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS blobs (
      id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, checkpoint INTEGER NOT NULL, first_time INTEGER NOT NULL,
      last_time INTEGER NOT NULL, first_number INTEGER, last_number INTEGER, count INTEGER NOT NULL,
      entries INTEGER NOT NULL, kernels TEXT NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL)
    """,
  ]

  /// A failure costs the entries, and is told once until it is over.
  func write(_ entries: [DecisionRecorder.Entry]) {
    let isCheckpoint = isFirst || isFailing || sinceCheckpoint >= max(256 << 10, 4 * checkpointSize)
    let blob = encoder.encode(entries, isCheckpoint: isCheckpoint, now: FleetHost.wallMilliseconds())
    do {
      // Counted when it is committed: on a full disk the removal is undone with the rest.
      let freed = try queue.write { db in
        try insert(blob, db)
        return try isCheckpoint ? rotate(db) : 0
      }
      if isFailing { logger.info("decisions are recorded again") }
      (isFirst, isFailing) = (false, false)
      size += blob.data.count - freed
      sinceCheckpoint = isCheckpoint ? 0 : sinceCheckpoint + blob.data.count
      if isCheckpoint { checkpointSize = blob.data.count }
    } catch {
      if !isFailing { logger.warning("\(StorageError("decisions are not recorded in \(path)", error))") }
      isFailing = true
    }
  }

  private func insert(_ blob: DecisionBlob, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO blobs
          (run, checkpoint, first_time, last_time, first_number, last_number, count, entries, kernels, size, data)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(
      arguments: [
        run, blob.isCheckpoint, blob.firstTime, blob.lastTime, blob.numbers?.lowerBound, blob.numbers?.upperBound,
        blob.count, blob.entries, blob.kernels, blob.data.count, Data(blob.data),
      ])
  }

  /// From one checkpoint to the next, so that what stays can be read. The newest stay whatever their size.
  /// - Returns: how many bytes were removed.
  private func rotate(_ db: Database) throws -> Int {
    var freed = 0
    let oldest = FleetHost.wallMilliseconds() - bounds.age.nanoseconds / 1_000_000
    while true {
      let checkpoints = try Row.fetchAll(
        db, sql: "SELECT id, first_time FROM blobs WHERE checkpoint ORDER BY id LIMIT 3")
      // The one just written, and the one before it, which has what led to it.
      guard checkpoints.count == 3 else { return freed }
      let next: Int64 = checkpoints[1]["id"]
      let ends: Int64 = checkpoints[1]["first_time"]
      guard Int64(size - freed) > bounds.size || ends < oldest else { return freed }
      freed += try Int.fetchOne(db, sql: "SELECT sum(size) FROM blobs WHERE id < ?", arguments: [next]) ?? 0
      try db.execute(sql: "DELETE FROM blobs WHERE id < ?", arguments: [next])
    }
  }

  func close() throws(StorageError) {
    do { try queue.close() } catch { throw StorageError("cannot close \(path)", error) }
  }
}
