// What was recorded, read back.
import FleetDocuments
import FleetEngine
import Foundation
import GRDB
import JSON

/// A decision as it was recorded.
struct RecordedDecision: Sendable {
  var run: Int
  var decision: Decision
  /// Milliseconds since 1970.
  var time: Int64

  /// Unique in a fleet directory: `RUN-NUMBER`.
  var id: String { "\(run)-\(decision.id)" }
}

/// Which decisions are wanted.
struct DecisionFilter: Sendable {
  var limit = 20
  var entry: EntryPoint?
  var kernel: KernelID?
  /// Milliseconds since 1970.
  var since: Int64?
  /// Only those that were carried out before this one.
  var before: (run: Int, number: Int)?

  fileprivate func accepts(_ recorded: RecordedDecision) -> Bool {
    (entry == nil || recorded.decision.question.entry == entry)
      && (kernel == nil || recorded.decision.kernel == kernel) && since.map { recorded.time >= $0 } ?? true
  }
}

extension DecisionLog {
  /// More than this is not read at once.
  static let mostTraced = 100_000

  /// The newest first; nil if the one that they are to come before is not there.
  func last(_ filter: DecisionFilter) throws(StorageError) -> [RecordedDecision]? {
    try reading { db in
      var found: [RecordedDecision] = []
      var newest = (id: Int64.max, skip: 0)
      if let before = filter.before {
        guard let place = try Self.place(of: before, db) else { return nil }
        newest = place
      }
      let blobs = try Row.fetchCursor(
        db,
        sql: """
          SELECT id, run, data FROM blobs
          WHERE count > 0 AND (entries & ?1) != 0 AND last_time >= ?2 AND (?3 IS NULL OR instr(kernels, ?3) > 0)
            AND id <= ?4
          ORDER BY id DESC
          """,
        arguments: [
          filter.entry.map(DecisionBlob.bit) ?? ~0, filter.since ?? 0, filter.kernel.map(\.uuid), newest.id,
        ])
      while found.count < filter.limit, let row = try blobs.next() {
        var decisions = try Self.decisions(of: row)
        if row["id"] == newest.id { decisions.removeLast(newest.skip) }
        decisions = decisions.filter(filter.accepts)
        found += decisions.reversed().prefix(filter.limit - found.count)
      }
      return found
    }
  }

  /// The blob that holds a decision, and how many of its last ones are not older.
  private static func place(of wanted: (run: Int, number: Int), _ db: Database) throws -> (id: Int64, skip: Int)? {
    let blobs = try Row.fetchCursor(
      db,
      sql: """
        SELECT id, run, data FROM blobs WHERE run = ?1 AND first_number <= ?2 AND last_number >= ?2 ORDER BY id DESC
        """, arguments: [wanted.run, wanted.number])
    while let row = try blobs.next() {
      let decisions = try decisions(of: row)
      if let index = decisions.lastIndex(where: { $0.decision.id == wanted.number }) {
        return (row["id"], decisions.count - index)
      }
    }
    return nil
  }

  private static func decisions(of row: Row) throws -> [RecordedDecision] {
    let run: Int = row["run"]
    return try (JSON(parsing: [UInt8](row["data"] as Data)).array ?? []).compactMap { record in
      guard let document = record["d"] else { return nil }
      return RecordedDecision(run: run, decision: try DecisionDocument.decode(document), time: record["t"]?.int ?? 0)
    }
  }

  /// One decision, and the rows that its policies saw; nil if there is none of this number.
  func find(run: Int, number: Int) throws(StorageError) -> (RecordedDecision, [KernelRow])? {
    try reading { db in
      let blobs = try Int64.fetchAll(
        db, sql: "SELECT id FROM blobs WHERE run = ?1 AND first_number <= ?2 AND last_number >= ?2 ORDER BY id",
        arguments: [run, number])
      for id in blobs {
        var timeline = Timeline()
        try timeline.read(db, from: Self.checkpoint(before: id, db), through: id)
        guard let (index, decision, time) = timeline.decision(run: run, number: number) else { continue }
        return (RecordedDecision(run: run, decision: decision, time: time), timeline.rows(before: index))
      }
      return nil
    }
  }

  /// Everything between two wall times in milliseconds since 1970, both included.
  func trace(from: Int64, to: Int64) throws(StorageError) -> Trace {
    try reading { db in
      let bounds = try Row.fetchOne(
        db,
        sql: """
          SELECT min(id) AS first, max(id) AS last, sum(count) AS count FROM blobs
          WHERE count > 0 AND last_time >= ? AND first_time <= ?
          """, arguments: [from, to])
      guard let bounds, let first: Int64 = bounds["first"], let last: Int64 = bounds["last"] else { return Trace() }
      let count: Int = bounds["count"]
      guard count <= Self.mostTraced else {
        throw StorageError("\(count) decisions lie in this time; ask for less than \(Self.mostTraced) at once")
      }
      var timeline = Timeline()
      try timeline.read(db, from: Self.checkpoint(before: first, db), through: last)
      return timeline.trace(from: from, to: to)
    }
  }

  /// The last checkpoint but one up to a blob, because a question may have gone out before the last one; the oldest
  /// blob if rotation has left none.
  private static func checkpoint(before id: Int64, _ db: Database) throws -> Int64 {
    try Int64.fetchOne(
      db, sql: "SELECT id FROM blobs WHERE checkpoint AND id <= ? ORDER BY id DESC LIMIT 1 OFFSET 1", arguments: [id])
      ?? 0
  }

  private func reading<Value>(_ work: (Database) throws -> Value) throws(StorageError) -> Value {
    do { return try queue.read(work) } catch let error as StorageError { throw error } catch {
      throw StorageError("cannot read \(path)", error)
    }
  }
}

/// Blobs in a row, with each decision in the place of its question.
private struct Timeline {
  private enum Entry {
    case rows([KernelRowChange])
    case open
    case decided(run: Int, Decision, at: Int64)
  }

  private var entries: [Entry] = []

  mutating func read(_ db: Database, from first: Int64, through last: Int64) throws {
    var decoder = DecisionDecoder()
    var run: Int?
    var open: [Int: Int] = [:]
    let blobs = try Row.fetchCursor(
      db, sql: "SELECT run, data FROM blobs WHERE id BETWEEN ? AND ? ORDER BY id", arguments: [first, last])
    while let blob = try blobs.next() {
      let blobRun: Int = blob["run"]
      if blobRun != run { open = [:] }
      run = blobRun
      for item in try decoder.decode([UInt8](blob["data"] as Data)) {
        switch item {
        case .rows(let changes): if !changes.isEmpty { entries.append(.rows(changes)) }
        case .asked(let number):
          open[number] = entries.count
          entries.append(.open)
        case .decided(let decision, let time):
          let entry = Entry.decided(run: blobRun, decision, at: time)
          if let index = open.removeValue(forKey: decision.id) { entries[index] = entry } else { entries.append(entry) }
        }
      }
    }
  }

  func decision(run: Int, number: Int) -> (index: Int, Decision, time: Int64)? {
    for (index, entry) in entries.enumerated() {
      if case .decided(run, let decision, let time) = entry, decision.id == number { return (index, decision, time) }
    }
    return nil
  }

  func rows(before end: Int) -> [KernelRow] {
    var rows: [String: KernelRow] = [:]
    for entry in entries[..<end] {
      guard case .rows(let changes) = entry else { continue }
      for change in changes {
        switch change {
        case .put(let row): rows[row.uuid] = row
        case .remove(let uuid): rows[uuid] = nil
        }
      }
    }
    return rows.values.sorted { $0.serial < $1.serial }
  }

  func trace(from: Int64, to: Int64) -> Trace {
    func isWanted(_ entry: Entry) -> Bool {
      if case .decided(_, _, let time) = entry { (from...to).contains(time) } else { false }
    }
    guard let first = entries.firstIndex(where: isWanted), let last = entries.lastIndex(where: isWanted) else {
      return Trace()
    }
    return Trace(
      rows: rows(before: first),
      entries: entries[first...last].compactMap { entry in
        switch entry {
        case .rows(let changes): .rows(changes)
        case .open: nil
        case .decided(_, let decision, let time): (from...to).contains(time) ? .decision(decision, at: time) : nil
        }
      })
  }
}
