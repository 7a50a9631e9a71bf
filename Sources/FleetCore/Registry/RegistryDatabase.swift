// The registry of record: a SQLite database in WAL mode. What it is opened with stands in RegistryDatabase+Opening.
import FleetEngine
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
  /// What `GET /events` calls it; nil for what an older version wrote.
  public var event: FleetEvent.ID?
  /// Name and owner that its kernel had then.
  public var name: String?
  public var owner: String?

  init(time: Int64, note: Note) {
    self.time = time
    self.note = note
  }

  init(_ event: FleetEvent, _ note: Note) {
    self.init(time: event.time, note: note)
    self.event = event.id
    name = event.name
    owner = event.owner
  }
}

/// An open registry. Every call blocks the calling thread, for as long as the disk takes.
final class RegistryDatabase: Sendable {
  let path: String
  /// Where a damaged database was put; nil if this one was sound.
  let setAside: String?
  private let queue: DatabaseQueue
  /// The most events that are kept.
  static let mostEvents = 100_000

  init(path: String, setAside: String?, queue: DatabaseQueue) {
    self.path = path
    self.setAside = setAside
    self.queue = queue
  }

  /// What one transaction writes.
  struct Batch: Sendable {
    var changes: [RowChange] = []
    var sessions: [SessionChange] = []
    var notes: [StoredNote] = []
    var totalSpawned: Int?
    var bootID = ""
  }

  /// Writes all of it or nothing. `durable`: it is on the disk when this returns; else a crash of the machine, but not
  /// of the host, may lose it.
  func write(_ batch: Batch, durable: Bool) throws(StorageError) {
    do {
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        try db.inTransaction(.immediate) {
          try batch.changes.forEach { try Self.apply($0, db, bootID: batch.bootID) }
          try batch.sessions.forEach { try Self.apply($0, db) }
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
      try db.cachedStatement(sql: "INSERT OR REPLACE INTO kernels VALUES (?, ?, ?, ?, ?)").execute(
        arguments: [kernel.id.uuid, kernel.serial, kernel.status.rawValue, document, checksum(document)])
    case .remove(let id):
      try db.cachedStatement(sql: "DELETE FROM kernels WHERE uuid = ?").execute(arguments: [id.uuid])
    }
  }

  private static func append(_ notes: [StoredNote], _ db: Database) throws {
    for entry in notes {
      try db.cachedStatement(
        sql: """
          INSERT INTO events (time, kernel, event, detail, run, number, name, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(
        arguments: [
          entry.time, entry.note.kernel?.uuid, entry.note.event.rawValue, entry.note.detail, entry.event?.run,
          entry.event?.number, entry.name, entry.owner,
        ])
      if db.lastInsertedRowID % 1000 == 0 {
        try db.execute(sql: "DELETE FROM events WHERE id <= ?", arguments: [db.lastInsertedRowID - Int64(mostEvents)])
      }
    }
  }

  /// The last events of a kernel, or of all, oldest first.
  func notes(of id: KernelID?, last count: Int) throws(StorageError) -> [StoredNote] {
    try reading { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT time, kernel, event, detail FROM events WHERE ?1 IS NULL OR kernel = ?1 ORDER BY id DESC LIMIT ?2
          """, arguments: [id?.uuid, count])
      return rows.reversed().compactMap(Self.note)
    }
  }

  func reading<Value>(_ work: (Database) throws -> Value) throws(StorageError) -> Value {
    do { return try queue.read(work) } catch { throw StorageError("cannot read the registry \(path)", error) }
  }

  /// Nil for what no host of this version wrote.
  static func note(_ row: Row) -> StoredNote? {
    guard let time = Int64.fromDatabaseValue(row["time"]),
      let event = String.fromDatabaseValue(row["event"]).flatMap(Note.Name.init(rawValue:)),
      let detail = String.fromDatabaseValue(row["detail"])
    else { return nil }
    let kernel = String.fromDatabaseValue(row["kernel"]).flatMap(KernelID.init(uuid:))
    return StoredNote(time: time, note: Note(kernel: kernel, event: event, detail: detail))
  }

  /// Afterwards every call fails.
  func close() throws(StorageError) {
    do { try queue.close() } catch { throw StorageError("cannot close the registry \(path)", error) }
  }
}
