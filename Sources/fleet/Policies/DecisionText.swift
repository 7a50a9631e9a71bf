// Recorded decisions for people.
import FleetConfiguration
import JSON

enum DecisionText {
  static func table(_ decisions: [JSON]) -> String {
    var table = Table([
      .left("DECISION"), .left("TIME"), .left("ENTRY"), .left("ABOUT"), .left("ANSWER"), .left("BY"), .left("REASON"),
    ])
    for decision in decisions {
      let by = decision["policy"]?.string.map { FilePath.name(of: $0) } ?? "host"
      let isFallback = decision["fallback"]?.bool == true
      table.add([
        .init(decision["id"]?.string ?? "?"), .init(decision["time"]?.string ?? "?"),
        .init(decision["entry"]?.string ?? "?"), .init(decision["about"]?.string ?? ""),
        .init(decision["answer"]?.string ?? ""),
        .init(isFallback ? "host (\(by) failed)" : by, isFallback ? .red : nil),
        .init(decision["reason"]?.string ?? ""),
      ])
    }
    return table.text
  }

  static func explanation(_ document: JSON) -> String {
    let decision = document["decision"] ?? [:]
    func text(_ key: String) -> String? { decision[key]?.string }
    var lines: [(String, String?)] = [
      ("decision", text("id")), ("time", text("time")), ("entry", text("entry")),
      ("policy", text("policy")), ("version", text("hash").map { String($0.prefix(16)) }),
      ("asked", decision["question"].flatMap(members)), ("answer", decision["policy_answer"].flatMap(members)),
      ("because", text("policy_reason")), ("failure", text("error")), ("outcome", decision["outcome"].flatMap(members)),
      ("reason", text("reason")),
    ]
    for clamp in decision["clamps"]?.array ?? [] { lines.append(("clamped", clamp.string)) }
    if decision["policy"]?.string == nil {
      lines.append(("by", "the host's own rule: there is no policy, or none had an opinion"))
    }
    if decision["fallback"]?.bool == true { lines.append(("by", "the host's own rule, because the policy failed")) }
    lines += [
      ("kernel", text("kernel")), ("took", decision["duration_us"]?.double.map(Words.microseconds)),
      ("now", decision["now"]?.double.map { "\($0)" }), ("seed", text("seed")),
    ]
    var result = ""
    for case (let title, let value?) in lines where !value.isEmpty {
      result += title + String(repeating: " ", count: max(1, 10 - title.count)) + value + "\n"
    }
    return result + rows(document)
  }

  /// `{"language":"lua","labels":{"a":"b"}}` as `language=lua labels={"a":"b"}`.
  private static func members(_ value: JSON) -> String? {
    guard case .object(let members) = value else { return value.isNull ? nil : value.text() }
    if members.isEmpty { return "anything" }
    return members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? $0.value.text())" }
      .joined(separator: " ")
  }

  /// The kernels that it was about, as its policy saw them.
  private static func rows(_ document: JSON) -> String {
    let rows = document["rows"]?.array ?? []
    let total = document["rows_total"]?.int ?? 0
    let relevant = document["rows_relevant"]?.int ?? 0
    guard !rows.isEmpty else { return "\nnone of \(Words.count(Int(total), "kernel")) fitted\n" }
    var table = Table([
      .left("KERNEL"), .left("NAME"), .left("LANGUAGE"), .left("CONFIG"), .left("OWNER"), .left("POOL"),
      .left("STATUS"), .right("CLIENTS"), .right("MEMORY"), .right("CPU"),
    ])
    for row in rows {
      func cell(_ key: String) -> Table.Cell { .init(row[key]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "-") }
      table.add([
        .init("kernel-" + (row["uuid"]?.string?.prefix(8) ?? "?")), cell("name"), cell("language"), cell("config"),
        cell("owner"), cell("pool"), cell("status"), .init(row["clients"]?.int.map { "\($0)" } ?? "-"),
        .init(row["memory"]?.double.map { Words.megabytes($0 / 1_048_576) } ?? "-"),
        .init(row["cpu"]?.double.map(Words.percent) ?? "-"),
      ])
    }
    let rest = relevant > Int64(rows.count) ? "\n… and \(relevant - Int64(rows.count)) more" : ""
    return "\nof \(Words.count(Int(total), "kernel")), those that it was about, as they were then:\n" + table.text
      + rest
  }
}
