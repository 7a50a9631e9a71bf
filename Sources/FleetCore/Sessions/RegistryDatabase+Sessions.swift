// Jupyter's sessions in the registry: a table of their own, written in the same transactions as kernels.
import FleetEngine
import GRDB
import JSON

extension RegistryDatabase {
  static let sessionSchema = [
    """
    CREATE TABLE IF NOT EXISTS jupyter_sessions (
      id TEXT PRIMARY KEY, serial INTEGER NOT NULL, document TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS unreadable_sessions (id, document, problem TEXT, time INTEGER)",
  ]

  static func apply(_ change: SessionChange, _ db: Database) throws {
    switch change {
    case .put(let session):
      let document = session.document.text()
      try db.cachedStatement(sql: "INSERT OR REPLACE INTO jupyter_sessions VALUES (?, ?, ?, ?)").execute(
        arguments: [session.id, session.serial, document, checksum(document)])
    case .remove(let id):
      try db.cachedStatement(sql: "DELETE FROM jupyter_sessions WHERE id = ?").execute(arguments: [id])
    }
  }

  typealias UnreadableSession = (id: DatabaseValue, problem: String)

  /// A registry of an earlier version has no such table.
  static func readSessions(_ db: Database) throws -> (sessions: [JupyterSession], unreadable: [UnreadableSession]) {
    guard try db.tableExists("jupyter_sessions") else { return ([], []) }
    var sessions: [JupyterSession] = []
    var unreadable: [UnreadableSession] = []
    for row in try Row.fetchAll(db, sql: "SELECT id, document, checksum FROM jupyter_sessions ORDER BY serial") {
      do { sessions.append(try session(row)) } catch { unreadable.append((row["id"], error.description)) }
    }
    return (sessions, unreadable)
  }

  private static func session(_ row: Row) throws(KernelDocumentError) -> JupyterSession {
    guard let text = String.fromDatabaseValue(row["document"]),
      Int64.fromDatabaseValue(row["checksum"]) == checksum(text)
    else { throw KernelDocumentError(description: "its checksum is wrong") }
    let json: JSON
    do { json = try JSON(parsing: text) } catch { throw KernelDocumentError(description: "its document is no JSON") }
    return try JupyterSession(document: json)
  }

  static func moveAside(_ db: Database, sessions: [UnreadableSession]) throws {
    if sessions.isEmpty { return }
    try db.inTransaction(.immediate) {
      for (id, problem) in sessions {
        try db.execute(
          sql: "INSERT INTO unreadable_sessions SELECT id, document, ?, unixepoch() FROM jupyter_sessions WHERE id = ?",
          arguments: [problem, id])
        try db.execute(sql: "DELETE FROM jupyter_sessions WHERE id = ?", arguments: [id])
      }
      return .commit
    }
  }
}
