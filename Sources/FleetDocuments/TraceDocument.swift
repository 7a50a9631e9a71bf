// A stretch of what was recorded, as JSON: what `GET /trace` answers and what replays read.
import FleetEngine
import JSON

public enum TraceDocument {
  /// What the member `format` says.
  public static let format = "fleet-trace-1"

  public static func encode(_ trace: Trace) -> JSON {
    [
      "format": .string(format), "rows": .array(trace.rows.map(RowDocument.encode)),
      "entries": .array(trace.entries.map(encode)),
    ]
  }

  private static func encode(_ entry: Trace.Entry) -> JSON {
    switch entry {
    case .rows(let changes): ["rows": .array(changes.map(encode))]
    case .decision(let decision, let time): ["decision": DecisionDocument.encode(decision), "at_ms": .int(time)]
    }
  }

  private static func encode(_ change: KernelRowChange) -> JSON {
    switch change {
    case .put(let row): ["put": RowDocument.encode(row)]
    case .remove(let uuid): ["remove": .string(uuid)]
    }
  }

  public static func decode(_ json: JSON) throws(DocumentError) -> Trace {
    let reader = try DocumentReader(json, at: "")
    let format = try reader.string("format")
    guard format == Self.format else {
      throw DocumentError("this is a trace of the format '\(format)'; this version of fleet reads '\(Self.format)'")
    }
    var trace = Trace()
    for (index, row) in try reader.array("rows").enumerated() {
      trace.rows.append(try RowDocument.decode(row, at: "rows[\(index)]"))
    }
    for (index, entry) in try reader.array("entries").enumerated() {
      trace.entries.append(try Self.entry(try DocumentReader(entry, at: "entries[\(index)]")))
    }
    return trace
  }

  private static func entry(_ reader: DocumentReader) throws(DocumentError) -> Trace.Entry {
    if let decision = reader.members["decision"] {
      guard let time = try reader.optionalInt("at_ms") else { throw reader.wrong("at_ms", "milliseconds since 1970") }
      return .decision(try DecisionDocument.decode(decision, at: reader.path("decision")), at: time)
    }
    guard reader.has("rows") else { throw DocumentError("\(reader.place) has neither 'rows' nor 'decision'") }
    var changes: [KernelRowChange] = []
    for (index, change) in try reader.array("rows").enumerated() {
      let change = try DocumentReader(change, at: reader.path("rows[\(index)]"))
      if let uuid = try change.optionalString("remove") {
        changes.append(.remove(uuid))
      } else if let row = change.members["put"] {
        changes.append(.put(try RowDocument.decode(row, at: change.path("put"))))
      } else {
        throw DocumentError("\(change.place) has neither 'put' nor 'remove'")
      }
    }
    return .rows(changes)
  }
}
