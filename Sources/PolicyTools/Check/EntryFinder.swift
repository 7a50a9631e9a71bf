// The functions that a policy file returns.

import FleetEngine
import PolicyHost

/// Follows the `return` at the end of a file to the functions that it hands over.
struct EntryFinder {
  struct Found {
    let point: EntryPoint
    let body: LuaFunctionBody
  }

  let chunk: LuaChunk
  private(set) var entries: [Found] = []
  /// Code, offset, severity and message.
  private(set) var problems: [(offset: Int, severity: Diagnostic.Severity, message: String)] = []
  /// Something is returned that cannot be followed.
  private var isUnclear = false
  private var sawName = false

  static let names = EntryPoint.allCases.map(\.rawValue)
  private static let example = "return { route = function(request, fleet) … end }"

  init(_ chunk: LuaChunk) {
    self.chunk = chunk
    find()
  }

  private mutating func find() {
    guard case .return(let values)? = chunk.body.statements.last?.kind, let value = values.first else {
      let end = chunk.body.range.upperBound
      return report(end, "the file returns no policy; it should end with: \(Self.example)")
    }
    switch value.inner.kind {
    case .table(let items): table(items)
    case .name(_, .local(let variable)): follow(variable, value)
    case .function:
      return report(value.range.lowerBound, "the file returns a function, not a table of them: \(Self.example)")
    default:
      if value.constantTruth != nil {
        return report(
          value.range.lowerBound, "the file returns \(chunk.text(of: value)), which is no policy: \(Self.example)")
      }
      isUnclear = true
    }
    if !sawName, !isUnclear {
      report(
        value.range.lowerBound,
        "the policy has none of the functions \(Self.names.joined(separator: ", ")): \(Self.example)")
    }
  }

  private mutating func report(_ offset: Int, _ message: String, _ severity: Diagnostic.Severity = .error) {
    problems.append((offset, severity, message))
  }

  private mutating func table(_ items: [LuaTableItem]) {
    for item in items {
      switch item {
      case .named(let name, let value): add(name.text, at: name.range.lowerBound, value)
      case .keyed(let key, let value):
        if let name = key.constantText { add(name, at: key.range.lowerBound, value) } else { isUnclear = true }
      case .positional(let value):
        report(value.range.lowerBound, "a function needs a name, such as route = function(request, fleet) … end")
      }
    }
  }

  private mutating func add(_ name: String, at offset: Int, _ value: LuaExpression) {
    guard isEntry(name, at: offset) else { return }
    if let body = function(value) { return add(name, body) }
    if case .function = value.inner.kind { return }
    if value.constantTruth != nil {
      report(value.range.lowerBound, "'\(name)' is \(chunk.text(of: value)), not a function")
    }
  }

  private mutating func add(_ name: String, _ body: LuaFunctionBody) {
    if let point = EntryPoint(rawValue: name) { entries.append(Found(point: point, body: body)) }
  }

  /// Whether somebody asks a function of this name; complains if not.
  private mutating func isEntry(_ name: String, at offset: Int) -> Bool {
    if Self.names.contains(name) {
      sawName = true
      return true
    }
    let meant = advice(name, among: Self.names)
    report(offset, "nobody asks '\(name)'\(meant)", meant.hasPrefix("; did you mean") ? .error : .warning)
    return false
  }

  /// A function, or a local variable that is one.
  private func function(_ value: LuaExpression) -> LuaFunctionBody? {
    switch value.inner.kind {
    case .function(let body): return body
    case .name(_, .local(let variable)) where chunk.variables[variable].writes == 0:
      for statement in chunk.body.statements {
        switch statement.kind {
        case .localFunction(variable, let body): return body
        case .local(let variables, let values):
          if let index = variables.firstIndex(of: variable), values.indices.contains(index) {
            return function(values[index])
          }
        default: break
        }
      }
      return nil
    default: return nil
    }
  }

  /// A table in a variable, whose fields are set one by one.
  private mutating func follow(_ variable: Int, _ value: LuaExpression) {
    for statement in chunk.body.statements {
      switch statement.kind {
      case .local(let variables, let values):
        guard let index = variables.firstIndex(of: variable), values.indices.contains(index) else { continue }
        if case .table(let items) = values[index].inner.kind { table(items) } else { isUnclear = true }
      case .localFunction(variable, _):
        report(value.range.lowerBound, "the file returns a function, not a table of them: \(Self.example)")
        sawName = true
      case .function(let target, let body):
        if let name = field(target, of: variable), isEntry(name.text, at: name.range.lowerBound) {
          add(name.text, body)
        }
      case .assignment(let targets, let values):
        for (target, value) in zip(targets, values) {
          if let name = field(target, of: variable) { add(name.text, at: name.range.lowerBound, value) }
        }
      default: break
      }
    }
  }

  private func field(_ target: LuaExpression, of variable: Int) -> LuaName? {
    guard case .field(let table, let name) = target.kind, case .name(_, .local(variable)) = table.kind else {
      return nil
    }
    return name
  }
}
