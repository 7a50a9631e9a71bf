// Names: global variables, fields and methods of what a policy is given, and writes to them.

import PolicyHost

/// The global names that a file may use.
struct GlobalNames {
  private(set) var known: Set<String> = []

  init() {}

  init(_ chunk: LuaChunk, isTest: Bool) {
    known = Set(PolicyAPI.globalNames + (isTest ? FixtureGlobals.names : []) + ["_ENV"])
    // What the file itself makes while it is loaded.
    for statement in chunk.body.statements {
      switch statement.kind {
      case .assignment(let targets, _):
        for case .name(let name, .global) in targets.map(\.kind) { known.insert(name) }
      case .function(let target, _): if case .name(let name, .global) = target.kind { known.insert(name) }
      default: break
      }
    }
  }
}

extension PolicyAnalyzer {
  mutating func check(_ expression: LuaExpression) {
    switch expression.kind {
    case .name(let name, .global): checkGlobal(name, expression.range.lowerBound)
    case .field(let table, let key): checkField(of: table, key.text, key.range.lowerBound)
    case .index(let table, let key):
      if let name = key.constantText { checkField(of: table, name, key.range.lowerBound) }
    case .call(let callee, let arguments): checkCall(callee, arguments)
    case .methodCall(let receiver, let name, let arguments): checkMethod(receiver, name, arguments)
    default: break
    }
  }

  private mutating func checkGlobal(_ name: String, _ offset: Int) {
    if globals.known.contains(name) { return }
    if let reason = PolicyAPI.absent[name] {
      return report(.error, "unknown-global", offset, "policies have no '\(name)': \(reason)")
    }
    let locals = chunk.variables.filter { $0.range.lowerBound < offset }.map(\.name)
    let meant = advice(name, among: globals.known.sorted() + locals)
    report(.error, "unknown-global", offset, "there is no variable '\(name)'\(meant)")
  }

  // MARK: - Fields

  private mutating func checkField(of table: LuaExpression, _ name: String, _ offset: Int) {
    if case .name(let library, .global) = table.kind, let members = PolicyAPI.libraries[library] {
      if !members.contains(name), !(library == "math" && name == "randomseed") {
        report(.error, "unknown-field", offset, "'\(library)' has no '\(name)'\(advice(name, among: members))")
      }
      return
    }
    guard let type = types.type(of: table), let one = type.class, one.name != "fleet.Memory" else { return }
    checkIsThere(table, type)
    if one.field(name) != nil || one.method(name) != nil { return }
    report(.error, "unknown-field", offset, "\(type.article) has no field '\(name)'\(advice(name, among: one.names))")
  }

  private mutating func checkMethod(_ receiver: LuaExpression, _ name: LuaName, _ arguments: [LuaExpression]) {
    guard let type = types.type(of: receiver), let one = type.class, one.name != "fleet.Memory" else { return }
    checkIsThere(receiver, type)
    let offset = name.range.lowerBound
    guard let method = one.method(name.text) else {
      if one.field(name.text) != nil {
        return report(.error, "unknown-field", offset, "'\(name.text)' is a field: write '.\(name.text)'")
      }
      let meant = advice(name.text, among: one.methods.map(\.name))
      return report(.error, "unknown-field", offset, "\(type.article) has no method '\(name.text)'\(meant)")
    }
    checkArguments(method, arguments, offset)
  }

  private mutating func checkCall(_ callee: LuaExpression, _ arguments: [LuaExpression]) {
    guard case .field(let table, let name) = callee.kind, let one = types.type(of: table)?.class,
      let method = one.method(name.text)
    else { return }
    if one.callsWithDot { return checkArguments(method, arguments, name.range.lowerBound) }
    if let first = arguments.first, types.type(of: first)?.name == one.name { return }
    let text = chunk.text(of: table)
    report(
      .error, "method-call", name.range.lowerBound,
      "'\(name.text)' is a method: write '\(text):\(name.text)(…)', with a colon")
  }

  /// Something that may be nil and was not looked at before.
  private mutating func checkIsThere(_ table: LuaExpression, _ type: PolicyType) {
    guard type.isOptional else { return }
    let text = chunk.text(of: table)
    switch table.inner.kind {
    case .name(let name, .local(let variable)):
      if tested.insert(variable).inserted {
        report(
          .warning, "may-be-nil", table.range.lowerBound,
          "'\(name)' is nil if there is no such kernel; test it first, as in: if \(name) then … end")
      }
    case .methodCall, .index:
      report(
        .warning, "may-be-nil", table.range.lowerBound,
        "'\(text)' is nil if there is no such kernel; keep it in a local and test it first")
    default: break
    }
  }

  // MARK: - Arguments

  private mutating func checkArguments(_ method: PolicyAPI.Function, _ given: [LuaExpression], _ offset: Int) {
    let needed = method.parameters.filter { !$0.name.hasSuffix("?") }
    var isOpen = false
    if let last = given.last {
      switch last.kind {
      case .call, .methodCall, .varargs: isOpen = true
      default: break
      }
    }
    if given.count < needed.count, !isOpen {
      let names = needed.dropFirst(given.count).map(\.name).joined(separator: ", ")
      report(.error, "arguments", offset, "'\(method.name)' needs \(names) as well")
    }
    for (parameter, argument) in zip(method.parameters, given) {
      if parameter.type == "fleet.NumberField" { checkNumberField(argument) }
      if method.name == "where" { checkKeys(argument, PolicyAPI.class("fleet.Kernel"), "a kernel") }
      if method.name == "match" { checkKeys(argument, PolicyAPI.class("fleet.RouteRequest"), "a request") }
    }
  }

  private mutating func checkNumberField(_ argument: LuaExpression) {
    guard let name = argument.constantText, !PolicyAPI.numberFields.contains(name) else { return }
    let offset = argument.range.lowerBound
    if PolicyAPI.class("fleet.Kernel")?.field(name) != nil {
      report(.error, "unknown-field", offset, "'\(name)' of a kernel is no number")
    } else {
      let meant = advice(name, among: PolicyAPI.numberFields)
      report(.error, "unknown-field", offset, "a kernel has no field '\(name)'\(meant)")
    }
  }

  private mutating func checkKeys(_ argument: LuaExpression, _ one: PolicyAPI.Class?, _ article: String) {
    guard case .table(let items) = argument.inner.kind, let one else { return }
    for case .named(let name, _) in items where one.field(name.text) == nil {
      let meant = advice(name.text, among: one.names)
      report(.error, "unknown-field", name.range.lowerBound, "\(article) has no field '\(name.text)'\(meant)")
    }
  }

  // MARK: - Writes

  mutating func checkWrite(to target: LuaExpression) {
    let offset = target.range.lowerBound
    switch target.kind {
    case .name(let name, .global) where !isTest:
      if !functions.isEmpty {
        let advice = "write 'local \(name)', or 'memory.\(name)' for what must last"
        report(.error, "global-write", offset, "the global variable '\(name)' cannot be set while deciding; \(advice)")
      } else {
        report(.warning, "global-write", offset, "'\(name)' is a global variable; write 'local \(name)'")
      }
    case .field(let table, let key): checkWrite(to: target, in: table, key.text)
    case .index(let table, let key): checkWrite(to: target, in: table, key.constantText ?? "…")
    default: break
    }
  }

  private mutating func checkWrite(to target: LuaExpression, in table: LuaExpression, _ key: String) {
    guard let type = types.type(of: table) else { return }
    if type.class?.isReadOnly == true {
      report(
        .error, "read-only", target.range.lowerBound,
        "\(type.article) can be read and not written; keep '\(key)' in 'memory' or in a local")
    } else if type.isArray || type.name.hasPrefix("table<") {
      report(.error, "read-only", target.range.lowerBound, "'\(chunk.text(of: table))' can be read and not written")
    }
  }
}
