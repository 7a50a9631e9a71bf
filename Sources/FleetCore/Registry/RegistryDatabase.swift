// The registry of record: a SQLite database in WAL mode. A database that cannot be read is set aside, never deleted.
import FleetEngine
import Foundation
import GRDB
import JSON

/// Why the registry cannot be used; a sentence.
public struct StorageError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  init(_ action: String, _ error: any Error) {
    let reason = (error as? DatabaseError).map { $0.message ?? "SQLite error \($0.resultCode.rawValue)" }
    self.init("\(action): \(reason ?? "\(error)")")
  }
}

/// A line of a kernel's story.
public struct StoredNote: Sendable, Hashable {
  /// Milliseconds since 1970.
  public var time: Int64
  public var note: Note
}

final class RegistryDatabase: Sendable {
  let path: String
  /// Where a damaged database was put; nil if this one was sound.
  let setAside: String?
  private let queue: DatabaseQueue
  /// The most events that are kept.
  static let mostEvents = 100_000

  /// Opens the database, or makes a new one beside a damaged one that is set aside.
  init(path: String) throws(StorageError) {
    self.path = path
    do {
      queue = try Self.open(path)
      setAside = nil
    } catch let error as DatabaseError where Self.isDamage(error) {
      setAside = try Self.setAside(path)
      do { queue = try Self.open(path) } catch { throw StorageError("cannot make a new \(path)", error) }
    } catch {
      throw StorageError("cannot open the registry \(path)", error)
    }
  }

  private static func isDamage(_ error: DatabaseError) -> Bool {
    [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_SCHEMA, .SQLITE_ERROR, .SQLITE_MISMATCH].contains(error.resultCode)
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "fleet.registry"
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -256") }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.writeWithoutTransaction { db in
      if let problem = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), problem != "ok" {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: problem)
      }
      try schema.forEach { try db.execute(sql: $0) }
      try db.execute(sql: "PRAGMA synchronous = FULL")
      // GRDB lowers it after its own preparation, so it is looked at, not trusted.
      let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
      guard level == 2 else { throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "synchronous is not FULL") }
    }
    return queue
  }

  private static let schema = [
    """
    CREATE TABLE IF NOT EXISTS kernels (
      uuid TEXT PRIMARY KEY, serial INTEGER NOT NULL, status TEXT NOT NULL, document TEXT NOT NULL) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS unreadable_kernels (uuid TEXT, document, problem TEXT, time INTEGER)",
    """
    CREATE TABLE IF NOT EXISTS events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kernel TEXT, event TEXT NOT NULL, detail TEXT NOT NULL)
    """,
    "CREATE INDEX IF NOT EXISTS events_of_kernel ON events (kernel, id) WHERE kernel IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
  ]

  /// Gives the database and its logs new names; returns the new name of the database.
  private static func setAside(_ path: String) throws(StorageError) -> String {
    let stamp = Int(Date().timeIntervalSince1970 * 1000)
    let target = "\(path).damaged-\(stamp)"
    for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
      do {
        try FileManager.default.moveItem(atPath: path + suffix, toPath: target + suffix)
      } catch {
        throw StorageError("\(path) is damaged and cannot be set aside as \(target)\(suffix)", error)
      }
    }
    return target
  }

  struct Content: Sendable {
    var kernels: [KernelDocument.Stored] = []
    /// Rows that could not be read; they were moved to the table `unreadable_kernels`.
    var unreadable: [String] = []
    var totalSpawned = 0
  }

  func load() throws(StorageError) -> Content {
    do {
      return try queue.write { db in
        var content = Content()
        content.totalSpawned = try Int.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'spawned'") ?? 0
        for row in try Row.fetchAll(db, sql: "SELECT uuid, document FROM kernels ORDER BY serial") {
          let uuid: String = row["uuid"]
          do {
            content.kernels.append(try KernelDocument.decode(JSON(parsing: row["document"] as String? ?? "")))
          } catch {
            content.unreadable.append("\(uuid): \(error)")
            try Self.moveAside(db, uuid, problem: "\(error)")
          }
        }
        return content
      }
    } catch { throw StorageError("cannot read the registry \(path)", error) }
  }

  private static func moveAside(_ db: Database, _ uuid: String, problem: String) throws {
    try db.execute(
      sql: "INSERT INTO unreadable_kernels SELECT uuid, document, ?, unixepoch() FROM kernels WHERE uuid = ?",
      arguments: [problem, uuid])
    try db.execute(sql: "DELETE FROM kernels WHERE uuid = ?", arguments: [uuid])
  }

  /// What one transaction writes.
  struct Batch: Sendable {
    var changes: [RowChange] = []
    var notes: [StoredNote] = []
    var totalSpawned: Int?
    var bootID = ""
  }

  /// Writes all of it or nothing. `durable`: it is on the disk when this returns.
  func write(_ batch: Batch, durable: Bool) throws(StorageError) {
    do {
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        try db.inTransaction(.immediate) {
          try batch.changes.forEach { try Self.apply($0, db, bootID: batch.bootID) }
          try Self.append(batch.notes, db)
          if let count = batch.totalSpawned {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO counters VALUES ('spawned', ?)").execute(
              arguments: [count])
          }
          return .commit
        }
      }
    } catch { throw StorageError("cannot write the registry \(path)", error) }
  }

  private static func apply(_ change: RowChange, _ db: Database, bootID: String) throws {
    switch change {
    case .put(let kernel, let backoff):
      let document = KernelDocument.encode(kernel, backoff: backoff, bootID: bootID).text()
      try db.cachedStatement(sql: "INSERT OR REPLACE INTO kernels VALUES (?, ?, ?, ?)").execute(
        arguments: [kernel.id.uuid, kernel.serial, kernel.status.rawValue, document])
    case .remove(let id):
      try db.cachedStatement(sql: "DELETE FROM kernels WHERE uuid = ?").execute(arguments: [id.uuid])
    }
  }

  private static func append(_ notes: [StoredNote], _ db: Database) throws {
    for entry in notes {
      try db.cachedStatement(sql: "INSERT INTO events (time, kernel, event, detail) VALUES (?, ?, ?, ?)").execute(
        arguments: [entry.time, entry.note.kernel?.uuid, entry.note.event.rawValue, entry.note.detail])
      if db.lastInsertedRowID % 1000 == 0 {
        try db.execute(sql: "DELETE FROM events WHERE id <= ?", arguments: [db.lastInsertedRowID - Int64(mostEvents)])
      }
    }
  }

  /// The last events of a kernel, or of all, oldest first.
  func notes(of id: KernelID?, last count: Int) throws(StorageError) -> [StoredNote] {
    do {
      return try queue.read { db in
        let rows = try Row.fetchAll(
          db,
          sql: """
            SELECT time, kernel, event, detail FROM events WHERE ?1 IS NULL OR kernel = ?1 ORDER BY id DESC LIMIT ?2
            """, arguments: [id?.uuid, count])
        return rows.reversed().compactMap { row in
          guard let event = Note.Name(rawValue: row["event"]) else { return nil }
          let kernel = (row["kernel"] as String?).flatMap(KernelID.init(uuid:))
          return StoredNote(time: row["time"], note: Note(kernel: kernel, event: event, detail: row["detail"]))
        }
      }
    } catch { throw StorageError("cannot read the registry \(path)", error) }
  }

  func close() throws(StorageError) {
    do { try queue.close() } catch { throw StorageError("cannot close the registry \(path)", error) }
  }
}
