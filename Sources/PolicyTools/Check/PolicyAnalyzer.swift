// Looks for mistakes in a policy's tree: names, fields, answers, and what is never used.

import PolicyHost

/// Walks through a file once, in its order.
struct PolicyAnalyzer {
  let chunk: LuaChunk
  let path: String
  /// It finds what tests find, and returns nothing.
  let isTest: Bool
  var diagnostics: [Diagnostic] = []
  var types = PolicyTypes()
  /// Variables whose value was looked at in a condition.
  var tested: Set<Int> = []
  /// The entry points whose functions are being walked through, innermost last; nil for other functions.
  var functions: [PolicyAPI.Entry?] = []
  private(set) var entryOf: [Range<Int>: PolicyAPI.Entry] = [:]

  init(_ chunk: LuaChunk, path: String, isTest: Bool) {
    self.chunk = chunk
    self.path = path
    self.isTest = isTest
  }

  mutating func analyze() {
    if !isTest {
      let finder = EntryFinder(chunk)
      for problem in finder.problems { report(problem.severity, "entry", problem.offset, problem.message) }
      for found in finder.entries { entryOf[found.body.range] = PolicyAPI.entry(found.point) }
    }
    globals = GlobalNames(chunk, isTest: isTest)
    visit(chunk.body)
    checkFlow()
    checkUnused()
  }

  var globals = GlobalNames()

  func entry(of function: LuaFunctionBody) -> PolicyAPI.Entry? { entryOf[function.range] }

  mutating func report(_ severity: Diagnostic.Severity, _ code: String, _ offset: Int, _ message: String) {
    let position = chunk.source.position(at: offset)
    let found = Diagnostic(
      severity, code, path: path, line: position.line, column: position.column, message)
    if !diagnostics.contains(found) { diagnostics.append(found) }
  }

  // MARK: - Walking

  private mutating func visit(_ block: LuaBlock) {
    for statement in block.statements { visit(statement) }
  }

  private mutating func visit(_ statement: LuaStatement) {
    switch statement.kind {
    case .local(let variables, let values):
      for part in statement.parts { visit(part) }
      for (variable, value) in zip(variables, values) where chunk.variables[variable].writes == 0 {
        types.set(variable, types.type(of: value))
      }
      return
    case .genericFor(let variables, let values, let block):
      for value in values { visit(.expression(value)) }
      for (variable, type) in zip(variables, types.loopTypes(values)) { types.set(variable, type) }
      return visit(block)
    case .if(let clauses, _): for clause in clauses { noteTests(in: clause.condition) }
    case .while(let condition, _), .repeat(_, let condition): noteTests(in: condition)
    case .assignment(let targets, _): for target in targets { checkWrite(to: target) }
    case .function(let target, _): checkWrite(to: target)
    case .expression(let call): checkResultIsUsed(call)
    case .return(let values): if let entry = functions.last ?? nil { checkAnswer(values, entry, statement) }
    default: break
    }
    for part in statement.parts { visit(part) }
  }

  private mutating func visit(_ node: LuaNode) {
    switch node {
    case .block(let block): visit(block)
    case .function(let function): visit(function)
    case .expression(let expression):
      if case .binary(let operation, let left, _) = expression.kind, operation == .and || operation == .or {
        noteTests(in: left)
      }
      check(expression)
      for part in expression.parts { visit(part) }
    }
  }

  private mutating func visit(_ function: LuaFunctionBody) {
    let entry = entryOf[function.range]
    if let entry {
      for (variable, parameter) in zip(function.parameters, entry.parameters) {
        types.set(variable, PolicyType(parameter.type))
      }
    }
    functions.append(entry)
    visit(function.body)
    functions.removeLast()
  }

  /// What a condition looks at may be nil; behind it that is taken for known.
  private mutating func noteTests(in condition: LuaExpression) {
    switch condition.kind {
    case .name(_, .local(let variable)): tested.insert(variable)
    case .parenthesized(let inside), .unary(.not, let inside): noteTests(in: inside)
    case .binary(let operation, let left, let right)
    where [.and, .or, .equal, .notEqual].contains(operation):
      noteTests(in: left)
      noteTests(in: right)
    default: break
    }
  }
}
