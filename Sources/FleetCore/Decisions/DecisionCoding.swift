// The bytes of recorded entries. Of a row only what changed is written; a checkpoint has all rows as they are.
import FleetDocuments
import FleetEngine
import JSON

/// One write: entries of up to a quarter of a second.
struct DecisionBlob: Sendable {
  /// It begins with all rows.
  var isCheckpoint: Bool
  /// Wall times in milliseconds since 1970.
  var firstTime: Int64
  var lastTime: Int64
  /// The least and the greatest number of its decisions; nil if it has none.
  var numbers: ClosedRange<Int>?
  var count = 0
  /// A bit for each entry point that it has decisions of.
  var entries = 0
  /// Ids of the kernels that its decisions are about, between commas.
  var kernels = ","
  var data: [UInt8]

  static func bit(_ entry: EntryPoint) -> Int { 1 << (EntryPoint.allCases.firstIndex(of: entry) ?? 0) }
}

/// Remembers the rows as they were written last.
struct DecisionEncoder {
  private var rows: [String: [String: JSON]] = [:]

  /// - Parameters:
  ///   - isCheckpoint: all rows are written first.
  ///   - now: the wall time, for entries without one.
  mutating func encode(_ entries: [DecisionRecorder.Entry], isCheckpoint: Bool, now: Int64) -> DecisionBlob {
    var blob = DecisionBlob(isCheckpoint: isCheckpoint, firstTime: now, lastTime: now, data: [])
    blob.data.append(UInt8(ascii: "["))
    if isCheckpoint { Self.append(["c": .array(rows.values.map(JSON.object))], &blob) }
    for (index, entry) in entries.enumerated() {
      switch entry {
      case .rows(let changes): for change in changes { encode(change, &blob) }
      case .asked(let number):
        // Most decisions follow their questions at once.
        if index + 1 < entries.count, case .decided(let decision, _) = entries[index + 1], decision.id == number {
          continue
        }
        Self.append(["a": JSON(number)], &blob)
      case .decided(let decision, let time): Self.encode(decision, time, &blob)
      }
    }
    blob.data.append(UInt8(ascii: "]"))
    return blob
  }

  private mutating func encode(_ change: KernelRowChange, _ blob: inout DecisionBlob) {
    switch change {
    case .remove(let uuid):
      rows[uuid] = nil
      Self.append(["r": .string(uuid)], &blob)
    case .put(let row):
      let members = RowDocument.members(row)
      var changed = members
      if let before = rows[row.uuid] {
        changed = members.filter { before[$0.key] != $0.value }
        for key in before.keys where members[key] == nil { changed[key] = .null }
      }
      rows[row.uuid] = members
      changed["uuid"] = .string(row.uuid)
      Self.append(["p": .object(changed)], &blob)
    }
  }

  private static func encode(_ decision: Decision, _ time: Int64, _ blob: inout DecisionBlob) {
    append(["d": DecisionDocument.encode(decision), "t": .int(time)], &blob)
    blob.firstTime = min(blob.firstTime, time)
    blob.lastTime = max(blob.lastTime, time)
    let numbers = blob.numbers ?? decision.id...decision.id
    blob.numbers = min(numbers.lowerBound, decision.id)...max(numbers.upperBound, decision.id)
    blob.count += 1
    blob.entries |= DecisionBlob.bit(decision.question.entry)
    if let kernel = decision.kernel, !blob.kernels.contains(kernel.uuid) { blob.kernels += kernel.uuid + "," }
  }

  private static func append(_ record: JSON, _ blob: inout DecisionBlob) {
    if blob.data.count > 1 { blob.data.append(UInt8(ascii: ",")) }
    record.append(to: &blob.data)
  }
}

/// Reads blobs of one run in their order, from a checkpoint on.
struct DecisionDecoder {
  enum Item {
    case rows([KernelRowChange])
    case asked(Int)
    case decided(Decision, at: Int64)
  }

  private var rows: [String: [String: JSON]] = [:]

  mutating func decode(_ data: [UInt8]) throws -> [Item] {
    try (JSON(parsing: data).array ?? []).compactMap { try item($0) }
  }

  private mutating func item(_ record: JSON) throws -> Item? {
    if let document = record["d"] {
      return .decided(try DecisionDocument.decode(document), at: record["t"]?.int ?? 0)
    }
    if let number = record["a"]?.int { return .asked(Int(number)) }
    if let uuid = record["r"]?.string {
      rows[uuid] = nil
      return .rows([.remove(uuid)])
    }
    if let changed = record["p"]?.object, let uuid = changed["uuid"]?.string {
      let row = (rows[uuid] ?? [:]).merging(changed) { $1 }.filter { !$0.value.isNull }
      rows[uuid] = row
      return .rows([.put(try RowDocument.decode(.object(row)))])
    }
    return try record["c"]?.array.map { .rows(try checkpoint($0)) }
  }

  /// What must be changed so that the rows are these.
  private mutating func checkpoint(_ documents: [JSON]) throws -> [KernelRowChange] {
    var fresh: [String: [String: JSON]] = [:]
    for document in documents {
      if let members = document.object, let uuid = members["uuid"]?.string { fresh[uuid] = members }
    }
    var changes = rows.keys.filter { fresh[$0] == nil }.sorted().map(KernelRowChange.remove)
    for (uuid, members) in fresh where rows[uuid] != members {
      changes.append(.put(try RowDocument.decode(.object(members))))
    }
    rows = fresh
    return changes
  }
}
