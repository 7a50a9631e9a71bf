// How the registry is opened: checked, read once, and set aside under a new name, never deleted, if it is damaged.
import FleetConfiguration
import Foundation
import GRDB
import Glibc
import JSON

extension RegistryDatabase {
  /// What the database held when it was opened.
  struct Content: Sendable {
    var kernels: [KernelDocument.Stored] = []
    /// Rows that could not be read, and why; they were moved to the table `unreadable_kernels`.
    var unreadable: [String] = []
    var totalSpawned = 0
    var sessions: [JupyterSession] = []
    /// Likewise, in `unreadable_sessions`.
    var unreadableSessions: [String] = []
    /// The last run of a host whose events are stored; 0 if there is none.
    var lastRun: Int64 = 0
  }

  /// Opens and reads the database, or makes a new one in the place of a damaged one that is set aside.
  static func open(path: String) throws(StorageError) -> (database: RegistryDatabase, content: Content) {
    do {
      return try attempt(path, setAside: nil)
    } catch let error as DatabaseError where isDamage(error, path) {
      let aside = try setAside(path)
      do { return try attempt(path, setAside: aside) } catch { throw StorageError("cannot make a new \(path)", error) }
    } catch {
      throw StorageError("cannot open the registry \(path)", error)
    }
  }

  private static func attempt(
    _ path: String, setAside: String?
  ) throws -> (database: RegistryDatabase, content: Content) {
    try makePrivate(path)
    try checkDirectory(of: path)
    // A connection that can write folds the log into the database when it closes, damaged or not: so this one cannot.
    var reading = Configuration()
    reading.readonly = true
    reading.busyMode = .timeout(5)
    let (kernels, sessions) = try DatabaseQueue(path: path, configuration: reading).read { db in
      try check(db)
      try rehearse(db)
      return (try read(db), try readSessions(db))
    }
    var (content, unreadable) = kernels
    content.sessions = sessions.sessions
    content.unreadableSessions = sessions.unreadable.map { "\($0.id): \($0.problem)" }
    var writing = Configuration()
    writing.label = "fleet.registry"
    writing.journalMode = .wal
    writing.busyMode = .timeout(5)
    writing.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -256") }
    let queue = try DatabaseQueue(path: path, configuration: writing)
    try queue.writeWithoutTransaction { db in
      try prepare(db)
      do {
        try moveAside(db, unreadable)
        try moveAside(db, sessions: sessions.unreadable)
      } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
        // They stay where they are, and are found again by the next host.
      }
    }
    return (RegistryDatabase(path: path, setAside: setAside, queue: queue), content)
  }

  /// It holds the keys of all kernels, and SQLite would make it readable for everybody; the log takes its mode.
  static func makePrivate(_ path: String) throws(StorageError) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw StorageError(KernelFiles.errorText()) }
    defer { Glibc.close(descriptor) }
    guard fchmod(descriptor, 0o600) == 0 else { throw StorageError(KernelFiles.errorText()) }
  }

  /// SQLite makes its log beside the database; without room for one it calls the database itself unusable.
  private static func checkDirectory(of path: String) throws(StorageError) {
    let directory = FilePath.directory(of: path)
    guard access(directory, W_OK | X_OK) == 0 else {
      throw StorageError("\(directory) cannot be written (\(KernelFiles.errorText())); make it writable for this user")
    }
  }

  private static func check(_ db: Database) throws {
    if let problem = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), problem != "ok" {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: problem)
    }
  }

  /// Brings the schema up to date in memory first: what is wrong with it is found before anything of the file changes,
  /// and the file is set aside as it was.
  private static func rehearse(_ db: Database) throws {
    let statements = try String.fetchAll(
      db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
    try DatabaseQueue().write { memory in
      for statement in statements { try memory.execute(sql: statement) }
      try bringUpToDate(memory)
    }
  }

  private static func bringUpToDate(_ db: Database) throws {
    try (schema + sessionSchema).forEach { try db.execute(sql: $0) }
    let columns = Set(try db.columns(in: "events").map(\.name))
    for (name, type) in laterColumns where !columns.contains(name) {
      try db.execute(sql: "ALTER TABLE events ADD COLUMN \(name) \(type)")
    }
  }

  private static func prepare(_ db: Database) throws {
    try bringUpToDate(db)
    try db.execute(sql: "PRAGMA synchronous = FULL")
    // GRDB lowers it after its own preparation, so it is looked at, not trusted.
    let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
    guard level == 2 else { throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "synchronous is not FULL") }
  }

  private static let schema = [
    """
    CREATE TABLE IF NOT EXISTS kernels (
      uuid TEXT PRIMARY KEY, serial INTEGER NOT NULL, status TEXT NOT NULL, document TEXT NOT NULL,
      checksum INTEGER NOT NULL) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS unreadable_kernels (uuid, document, problem TEXT, time INTEGER)",
    """
    CREATE TABLE IF NOT EXISTS events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kernel TEXT, event TEXT NOT NULL, detail TEXT NOT NULL,
      run INTEGER, number INTEGER, name TEXT, owner TEXT)
    """,
    "CREATE INDEX IF NOT EXISTS events_of_kernel ON events (kernel, id) WHERE kernel IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
  ]

  /// What the table of an older version lacks.
  private static let laterColumns = [("run", "INTEGER"), ("number", "INTEGER"), ("name", "TEXT"), ("owner", "TEXT")]

  private typealias UnreadableRow = (uuid: DatabaseValue, problem: String)

  private static func read(_ db: Database) throws -> (content: Content, unreadable: [UnreadableRow]) {
    var content = Content()
    var unreadable: [UnreadableRow] = []
    // A new file has no tables yet.
    guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") != 0 else { return (content, []) }
    let spawned = try Row.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'spawned'")
    content.totalSpawned = spawned.flatMap { Int.fromDatabaseValue($0["value"]) } ?? 0
    for row in try Row.fetchAll(db, sql: "SELECT uuid, document, checksum FROM kernels ORDER BY serial") {
      do { content.kernels.append(try kernel(row)) } catch { unreadable.append((row["uuid"], "\(error)")) }
    }
    content.unreadable = unreadable.map { "\($0.uuid): \($0.problem)" }
    // Every page is read once, so that damage which the check does not see is found here and not later.
    _ = try Row.fetchOne(db, sql: "SELECT count(time) + count(kernel) + count(event) + count(detail) FROM events")
    if try db.columns(in: "events").contains(where: { $0.name == "run" }) {
      content.lastRun = try Int64.fetchOne(db, sql: "SELECT max(run) FROM events WHERE typeof(run) = 'integer'") ?? 0
    }
    return (content, unreadable)
  }

  /// SQLite has no checksums of its own: without one a flipped bit makes another port or another key.
  private static func kernel(_ row: Row) throws(KernelDocumentError) -> KernelDocument.Stored {
    guard let text = String.fromDatabaseValue(row["document"]) else {
      throw KernelDocumentError(description: "its document is no text")
    }
    guard Int64.fromDatabaseValue(row["checksum"]) == checksum(text) else {
      throw KernelDocumentError(description: "its checksum is wrong")
    }
    let json: JSON
    // What the parser says would quote the document, and with it the key.
    do { json = try JSON(parsing: text) } catch { throw KernelDocumentError(description: "its document is no JSON") }
    let stored = try KernelDocument.decode(json)
    guard String.fromDatabaseValue(row["uuid"]) == stored.kernel.id.uuid else {
      throw KernelDocumentError(description: "its document is another kernel's")
    }
    return stored
  }

  /// FNV-1a.
  static func checksum(_ text: String) -> Int64 {
    Int64(bitPattern: text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }

  private static func moveAside(_ db: Database, _ rows: [UnreadableRow]) throws {
    if rows.isEmpty { return }
    try db.inTransaction(.immediate) {
      for (uuid, problem) in rows {
        try db.execute(
          sql: "INSERT INTO unreadable_kernels SELECT uuid, document, ?, unixepoch() FROM kernels WHERE uuid = ?",
          arguments: [problem, uuid])
        try db.execute(sql: "DELETE FROM kernels WHERE uuid = ?", arguments: [uuid])
      }
      return .commit
    }
  }

  // MARK: Damage

  static func isDamage(_ error: DatabaseError, _ path: String) -> Bool {
    let codes: [ResultCode] = [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_SCHEMA, .SQLITE_ERROR, .SQLITE_MISMATCH]
    if codes.contains(error.resultCode) { return true }
    return error.resultCode == .SQLITE_READONLY && claimsLaterFormat(path)
  }

  /// SQLite only reads a file whose header says that it is written in a format above 2
  /// (https://sqlite.org/fileformat.html#the_database_header).
  private static func claimsLaterFormat(_ path: String) -> Bool {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { Glibc.close(descriptor) }
    var version: UInt8 = 0
    return pread(descriptor, &version, 1, 18) == 1 && version > 2
  }

  /// Gives the database and its logs new names; returns the new name of the database. The log goes first: a new
  /// database must never find the log of an old one, whose pages SQLite would copy into it.
  static func setAside(_ path: String) throws(StorageError) -> String {
    let stamp = Int(Date().timeIntervalSince1970 * 1000)
    let target = "\(path).damaged-\(stamp)"
    for suffix in ["-wal", "-shm", ""] where rename(path + suffix, target + suffix) != 0 && errno != ENOENT {
      throw StorageError("\(path) is damaged and cannot be set aside as \(target)\(suffix): \(KernelFiles.errorText())")
    }
    return target
  }
}
