// The answers of admit, scale, alert and restart, read from what a policy returned.

import FleetEngine
import LuaRuntime

extension AdmitAnswer {
  init(_ value: LuaValue) throws(Malformed) {
    let table = try AnswerTable(value, like: "{allow = true} or {reject = \"why\"}", known: ["allow", "reject"])
    guard table.count == 1 else { throw Malformed("answered \(value), where one of allow and reject was expected") }
    if let why = try table.text("reject", "the reason as a string") {
      self = .reject(why)
      return
    }
    switch table.value("allow") ?? .nil {
    case .boolean(true): self = .allow(limits: Limits())
    case .table: self = .allow(limits: try Self.limits(table.value("allow") ?? .nil))
    case .boolean(false): throw Malformed("answered {allow = false}; to refuse, answer {reject = \"why\"}")
    default: throw table.wrong("allow", "true or a table of limits")
    }
  }

  private static func limits(_ value: LuaValue) throws(Malformed) -> Limits {
    let table = try AnswerTable(
      value, like: "{memory = 512 << 20}", known: ["memory", "cpu", "processes", "open_files", "file_size", "nice"],
      around: ("{allow = ", "}"))
    func count(_ name: String) throws(Malformed) -> Int? {
      try table.integer(name, "a whole number above 0", in: 1...Int64(Int32.max)).map(Int.init)
    }
    return Limits(
      memory: try table.integer("memory", "a whole number of bytes above 0", in: 1...Int64.max),
      cpu: try table.number("cpu", "a share of one core above 0") { $0 > 0 && $0.isFinite },
      processes: try count("processes"), openFiles: try count("open_files"),
      fileSize: try table.integer("file_size", "a whole number of bytes above 0", in: 1...Int64.max),
      nice: try table.integer("nice", "a whole number from -20 to 19", in: -20...19).map(Int.init))
  }
}

extension ScaleAnswer {
  init(_ value: LuaValue) throws(Malformed) {
    let table = try AnswerTable(value, like: "{wanted = 3}", known: ["wanted", "retire"])
    guard table.has("wanted") else { throw Malformed("answered \(value) without 'wanted', the number of kernels") }
    if let number = table.value("wanted"), number.number == nil { throw table.wrong("wanted", "a number") }
    let wanted = try table.integer("wanted", "a whole number that is not negative", in: 0...Int64(Int32.max))
    self.init(wanted: wanted.map(Int.init) ?? 0, retire: try Self.kernels(table))
  }

  private static func kernels(_ table: AnswerTable) throws(Malformed) -> [String] {
    guard let value = table.value("retire") else { return [] }
    guard let list = value.table, list.pairs.isEmpty else { throw table.wrong("retire", "a list of ids of kernels") }
    var ids: [String] = []
    for value in list.array {
      guard let id = value.text, !id.isEmpty else { throw table.wrong("retire", "a list of ids of kernels") }
      ids.append(id)
    }
    return ids
  }
}

extension AlertCondition {
  private static let known = [
    "name", "kernel", "severity", "summary", "value", "labels", "for", "keep_firing_for",
  ]

  static func all(in value: LuaValue) throws(Malformed) -> [AlertCondition] {
    let example = "{{name = \"HighMemory\", kernel = kernel}}"
    guard let table = value.table, table.pairs.isEmpty else {
      throw Malformed("answered \(value), where an array of conditions such as \(example) was expected")
    }
    var conditions: [AlertCondition] = []
    for (index, value) in table.array.enumerated() {
      let around = ("{[\(index + 1)] = ", "}")
      conditions.append(
        try AlertCondition(
          AnswerTable(value, like: "{name = \"HighMemory\"}", known: known, around: around), "condition \(index + 1)"))
    }
    return conditions
  }

  private init(_ table: AnswerTable, _ place: String) throws(Malformed) {
    guard let name = try table.text("name", "the alert's name as a string") else {
      throw Malformed("answered \(place) without a name")
    }
    self.init(name: name, kernel: try table.text("kernel", "a kernel or its id"))
    severity = try table.text("severity", "a string such as \"warning\"") ?? severity
    summary = try table.text("summary", "a sentence") ?? summary
    value = try table.number("value", "a number") { !$0.isNaN }
    hold = .seconds(try table.seconds("for") ?? 0)
    keepFiring = .seconds(try table.seconds("keep_firing_for") ?? 0)
    for pair in try Self.labels(table) {
      guard let key = pair.key.text, let text = pair.value.text else {
        throw table.wrong("labels", "a table of strings")
      }
      labels[key] = text
    }
  }

  private static func labels(_ table: AnswerTable) throws(Malformed) -> [LuaTable.Pair] {
    guard let value = table.value("labels") else { return [] }
    guard let labels = value.table, labels.array.isEmpty else { throw table.wrong("labels", "a table of strings") }
    return labels.pairs
  }
}

extension RestartAnswer {
  init(_ value: LuaValue) throws(Malformed) {
    let table = try AnswerTable(value, like: "{after = 2} or {give_up = \"why\"}", known: ["after", "give_up"])
    guard table.count == 1 else { throw Malformed("answered \(value), where one of after and give_up was expected") }
    if let why = try table.text("give_up", "the reason as a string") {
      self = .giveUp(why)
    } else {
      self = .restart(after: try table.seconds("after") ?? 0)
    }
  }
}
