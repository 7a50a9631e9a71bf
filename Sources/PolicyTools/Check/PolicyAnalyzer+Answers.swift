// What an entry point's function returns: an answer that the host takes, and a reason.

import PolicyHost

extension PolicyAnalyzer {
  mutating func checkAnswer(_ values: [LuaExpression], _ entry: PolicyAPI.Entry, _ statement: LuaStatement) {
    let name = entry.point.rawValue
    guard let first = values.first else {
      return report(
        .error, "answer", statement.range.lowerBound,
        "\(name) returns nothing; return nil and a reason to leave the decision to others")
    }
    checkAnswer(first, entry)
    if values.count == 1 { return checkReasonIsThere(first, entry) }
    guard let reason = values.dropFirst().first else { return }
    switch reason.inner.kind {
    case .boolean, .integer, .float, .table, .function:
      report(.error, "reason", reason.range.lowerBound, "the reason must be a string, not \(chunk.text(of: reason))")
    default: break
    }
  }

  private mutating func checkReasonIsThere(_ answer: LuaExpression, _ entry: PolicyAPI.Entry) {
    let offset = answer.range.lowerBound
    switch answer.kind {
    case .call, .methodCall, .varargs: return
    case .nil:
      report(
        .error, "reason", offset,
        "no opinion needs a reason: return nil, \"why \(entry.point.rawValue) leaves it to others\"")
    default:
      // Alerts have summaries; who asks for anything else is shown the reason.
      if entry.answersList || saysWhy(answer) { return }
      report(.warning, "reason", offset, "the answer has no reason: return {…}, \"why\", which people are shown")
    }
  }

  /// A refusal has its reason in itself.
  private func saysWhy(_ answer: LuaExpression) -> Bool {
    guard case .table(let items) = answer.inner.kind, case .named(let name, _)? = items.first else { return false }
    return name.text == "reject" || name.text == "give_up"
  }

  private mutating func checkAnswer(_ value: LuaExpression, _ entry: PolicyAPI.Entry) {
    switch value.inner.kind {
    case .nil: return
    case .binary(.and, _, let right): return checkAnswer(right, entry)
    case .binary(.or, let left, let right):
      checkAnswer(left, entry)
      return checkAnswer(right, entry)
    case .table(let items):
      guard let answer = PolicyAPI.class(entry.answer) else { return }
      if entry.answersList { checkList(items, answer, entry) } else { checkTable(items, answer, value) }
    default:
      let isWrong = value.constantTruth != nil || types.type(of: value)?.class?.isReadOnly == true
      guard isWrong else { return }
      report(
        .error, "answer", value.range.lowerBound,
        "\(entry.point.rawValue) answers a table such as \(Self.example(entry)), not \(chunk.text(of: value))")
    }
  }

  private static func example(_ entry: PolicyAPI.Entry) -> String {
    switch entry.point {
    case .admit: "{ allow = true }"
    case .route: "{ use = kernel.id }"
    case .scale: "{ wanted = 3 }"
    case .alert: "{ { name = \"HighMemory\", kernel = kernel } }"
    case .restart: "{ after = 1 }"
    }
  }

  private mutating func checkList(_ items: [LuaTableItem], _ answer: PolicyAPI.Class, _ entry: PolicyAPI.Entry) {
    for item in items {
      guard case .positional(let value) = item else {
        report(
          .error, "answer", item.value.range.lowerBound,
          "\(entry.point.rawValue) answers a list of tables: \(Self.example(entry))")
        continue
      }
      if case .table(let fields) = value.inner.kind { checkTable(fields, answer, value) }
    }
  }

  private mutating func checkTable(_ items: [LuaTableItem], _ answer: PolicyAPI.Class, _ table: LuaExpression) {
    let known = answer.fields.map(\.name)
    var named: [String] = []
    var isOpen = false
    for item in items {
      switch item {
      case .positional(let value):
        report(
          .error, "answer", value.range.lowerBound,
          "the answer's fields have names: \(known.joined(separator: ", "))")
      case .keyed(let key, let value):
        guard let name = key.constantText else {
          isOpen = true
          continue
        }
        named.append(name)
        checkMember(name, at: key.range.lowerBound, value, answer)
      case .named(let name, let value):
        named.append(name.text)
        checkMember(name.text, at: name.range.lowerBound, value, answer)
      }
    }
    if isOpen || !named.allSatisfy(known.contains) { return }
    checkCount(named, answer, table)
  }

  private mutating func checkCount(_ named: [String], _ answer: PolicyAPI.Class, _ table: LuaExpression) {
    let names = answer.fields.map(\.name).joined(separator: ", ")
    if PolicyAPI.choices.contains(answer.name), named.count != 1 {
      report(.error, "answer", table.range.lowerBound, "the answer must have one of \(names), and only one")
    }
    let needed = answer.fields.first { !$0.type.hasSuffix("?") && !$0.type.hasSuffix("|nil") }
    if let needed, !named.contains(needed.name) {
      report(.error, "answer", table.range.lowerBound, "the answer needs '\(needed.name)': \(needed.doc)")
    }
  }

  private mutating func checkMember(
    _ name: String, at offset: Int, _ value: LuaExpression, _ answer: PolicyAPI.Class
  ) {
    guard let field = answer.field(name) else {
      let meant = advice(name, among: answer.fields.map(\.name), what: "it takes")
      return report(.error, "answer", offset, "the answer has no '\(name)'\(meant)")
    }
    let type = PolicyType(field.type)
    if case .table(let items) = value.inner.kind, let nested = nestedClass(field.type) {
      return checkTable(items, nested, value)
    }
    guard let fits = Self.fits(value, field.type), !fits else { return }
    report(
      .error, "answer", value.range.lowerBound, "'\(name)' takes \(Self.words(type.name)), not \(chunk.text(of: value))"
    )
  }

  private func nestedClass(_ type: String) -> PolicyAPI.Class? {
    for part in type.split(separator: "|") {
      if let found = PolicyType(String(part)).class, found.name != "fleet.Kernel" { return found }
    }
    return nil
  }

  /// Whether a constant is of a type; nil if that cannot be said.
  private static func fits(_ value: LuaExpression, _ type: String) -> Bool? {
    let isUnion = type.contains("|")
    switch value.inner.kind {
    case .string: return type.hasPrefix("string") && !type.contains("[]") || isUnion && type.contains("string")
    case .integer: return type.hasPrefix("number") || type.hasPrefix("integer")
    case .float(let number): return type.hasPrefix("number") || type.hasPrefix("integer") && number == number.rounded()
    case .boolean(let flag): return flag && type.hasPrefix("true")
    case .table: return !type.hasPrefix("string?") && !type.hasPrefix("number") && !type.hasPrefix("integer")
    default: return nil
    }
  }

  private static func words(_ type: String) -> String {
    switch type {
    case "string": "a string"
    case "number": "a number"
    case "integer": "a whole number"
    case "true|fleet.Limits|nil": "true or a table of limits; to refuse, answer { reject = \"why\" }"
    case "fleet.Spawn": "a table such as { config = \"openai.toml\" }"
    default: type
    }
  }
}
