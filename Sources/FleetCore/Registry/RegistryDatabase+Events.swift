// The stored part of what `GET /events` tells: what happened in earlier runs of the host.
import FleetEngine
import GRDB

extension RegistryDatabase {
  /// The oldest event that is kept; nil if there is none with an id.
  func oldestEvent() throws(StorageError) -> FleetEvent.ID? {
    try reading { db in
      let row = try Row.fetchOne(
        db, sql: "SELECT run, number FROM events WHERE run IS NOT NULL AND number IS NOT NULL ORDER BY id LIMIT 1")
      return row.flatMap(Self.id)
    }
  }

  /// Events between two ids, both excluded, oldest first.
  func events(
    after: FleetEvent.ID, before: FleetEvent.ID, _ filter: EventFilter, limit: Int
  ) throws(StorageError) -> [FleetEvent] {
    try reading { db in try Self.fetch(db, after: after, before: before, filter, "ORDER BY id LIMIT \(limit)") }
  }

  /// The newest events before an id, oldest first.
  func newestEvents(
    _ count: Int, before: FleetEvent.ID, _ filter: EventFilter
  ) throws(StorageError) -> [FleetEvent] {
    let first = FleetEvent.ID(run: 0, number: 0)
    return try reading { db in
      try Self.fetch(db, after: first, before: before, filter, "ORDER BY id DESC LIMIT \(count)").reversed()
    }
  }

  private static func fetch(
    _ db: Database, after: FleetEvent.ID, before: FleetEvent.ID, _ filter: EventFilter, _ order: String
  ) throws -> [FleetEvent] {
    // The ids of events rise with those of rows, because one writer writes them in their order.
    var conditions = ["run IS NOT NULL", "(run, number) > (?, ?)", "(run, number) < (?, ?)"]
    var arguments: [any DatabaseValueConvertible] = [after.run, after.number, before.run, before.number]
    switch filter.kernel {
    case nil: break
    case .known(let id):
      conditions.append("kernel = ?")
      arguments.append(id.uuid)
    case .called(let name):
      conditions.append("substr(kernel, 1, 8) = ?")
      arguments.append(String(name.dropFirst("kernel-".count)))
    }
    if let owner = filter.owner {
      conditions.append("owner = ?")
      arguments.append(owner)
    }
    if let kinds = filter.kinds?.compactMap(\.stored?.rawValue) {
      conditions.append("event IN (\(kinds.map { _ in "?" }.joined(separator: ", ")))")
      arguments += kinds
    }
    let sql = "SELECT * FROM events WHERE \(conditions.joined(separator: " AND ")) \(order)"
    return try Row.fetchAll(db, sql: sql, arguments: StatementArguments(arguments)).compactMap(event)
  }

  /// Nil for what no host of this version wrote.
  private static func event(_ row: Row) -> FleetEvent? {
    guard let stored = note(row), let id = id(row) else { return nil }
    return FleetEvent(
      id: id, time: stored.time, kind: FleetEvent.Kind(stored.note.event), kernel: stored.note.kernel,
      name: String.fromDatabaseValue(row["name"]), owner: String.fromDatabaseValue(row["owner"]),
      detail: stored.note.detail)
  }

  private static func id(_ row: Row) -> FleetEvent.ID? {
    guard let run = Int64.fromDatabaseValue(row["run"]), let number = Int64.fromDatabaseValue(row["number"]) else {
      return nil
    }
    return FleetEvent.ID(run: run, number: number)
  }
}
