// The kernel's durable state: keys and values in SQLite, in a file that is made when a script first writes.
import CSQLite
import Glibc
import LuaRuntime

/// Why `state` failed; the description is what the script sees.
struct StateError: Error, CustomStringConvertible {
  let description: String
}

/// Keys and values that survive the process. Confined to the Lua thread.
///
/// The write-ahead log with `synchronous=NORMAL` keeps every acknowledged write when the process is killed, without an
/// fsync for each; only a crash of the machine may lose the last ones.
final class StateStore {
  private let path: String
  private var database: OpaquePointer?
  private var statements: [String: OpaquePointer] = [:]

  init(path: String) { self.path = path }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement) }
    sqlite3_close(database)
  }

  func get(_ key: [UInt8]) throws(StateError) -> LuaValue {
    guard try open(creating: false) else { return .nil }
    let statement = try prepare("SELECT value FROM state WHERE key = ?", key)
    defer { sqlite3_reset(statement) }
    guard try step(statement) else { return .nil }
    let bytes = UnsafeRawBufferPointer(
      start: sqlite3_column_blob(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
    return try StateCoding.decode(bytes)
  }

  func set(_ key: [UInt8], _ value: LuaValue) throws(StateError) {
    let bytes = try StateCoding.encode(value)
    _ = try open(creating: true)
    let statement = try prepare("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", key)
    defer { sqlite3_reset(statement) }
    fleet_bind_blob(statement, 2, bytes, Int32(bytes.count))
    _ = try step(statement)
  }

  /// - Returns: whether there was such a key.
  func delete(_ key: [UInt8]) throws(StateError) -> Bool {
    guard try open(creating: false) else { return false }
    let statement = try prepare("DELETE FROM state WHERE key = ?", key)
    defer { sqlite3_reset(statement) }
    _ = try step(statement)
    return sqlite3_changes(database) > 0
  }

  /// All keys that begin with `prefix`, sorted by their bytes.
  func keys(prefix: [UInt8]) throws(StateError) -> [[UInt8]] {
    guard try open(creating: false) else { return [] }
    let statement = try prepare("SELECT key FROM state WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key", prefix)
    defer { sqlite3_reset(statement) }
    var keys: [[UInt8]] = []
    while try step(statement) {
      keys.append(
        Array(
          UnsafeRawBufferPointer(
            start: sqlite3_column_blob(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))))
    }
    return keys
  }

  func clear() throws(StateError) {
    if try open(creating: false) { try execute("DELETE FROM state") }
  }

  // MARK: SQLite

  /// - Returns: false if there is no file and none shall be made.
  private func open(creating: Bool) throws(StateError) -> Bool {
    if database != nil { return true }
    if !creating && access(path, F_OK) != 0 { return false }
    let mask = umask(0o077)
    defer { umask(mask) }
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(path, &database, flags, nil) == SQLITE_OK else {
      let error = failure()
      sqlite3_close(database)
      database = nil
      throw error
    }
    // A client that inspects the file may hold its lock for a moment.
    sqlite3_busy_timeout(database, 5000)
    do throws(StateError) {
      try execute("PRAGMA journal_mode = WAL")
      try execute("PRAGMA synchronous = NORMAL")
      try execute("PRAGMA cache_size = -256")
      try execute("CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    } catch {
      sqlite3_close(database)
      database = nil
      throw error
    }
    return true
  }

  private func prepare(_ sql: String, _ key: [UInt8]) throws(StateError) -> OpaquePointer {
    var statement = statements[sql]
    if statement == nil {
      guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { throw failure() }
      statements[sql] = statement
    }
    guard let statement else { throw failure() }
    // An empty array has no address, which would bind NULL.
    fleet_bind_blob(statement, 1, key.isEmpty ? [0] : key, Int32(key.count))
    return statement
  }

  /// - Returns: whether there is a row.
  private func step(_ statement: OpaquePointer) throws(StateError) -> Bool {
    switch sqlite3_step(statement) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw failure()
    }
  }

  private func execute(_ sql: String) throws(StateError) {
    guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  private func failure() -> StateError {
    let reason = database.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
    return StateError(description: "the state file \(path) cannot be used: \(reason)")
  }
}
