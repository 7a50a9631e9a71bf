// Where a function goes: what is never reached, what never ends, and where an answer is missing.

import PolicyHost

extension PolicyAnalyzer {
  mutating func checkFlow() {
    _ = flow(chunk.body)
    checkFunctions(in: .block(chunk.body))
  }

  /// Every function is a flow of its own.
  private mutating func checkFunctions(in node: LuaNode) {
    switch node {
    case .block(let block):
      for statement in block.statements { for part in statement.parts { checkFunctions(in: part) } }
    case .expression(let expression): for part in expression.parts { checkFunctions(in: part) }
    case .function(let function):
      let reachesEnd = flow(function.body)
      if reachesEnd, let entry = entry(of: function) {
        let end = max(function.range.upperBound - 3, function.body.range.lowerBound)
        report(
          .warning, "missing-return", end,
          "\(entry.point.rawValue) may end here without an answer; return nil and a reason to leave it to others")
      }
      checkFunctions(in: .block(function.body))
    }
  }

  /// Whether the end of a block is reached; complains of what is not.
  private mutating func flow(_ block: LuaBlock) -> Bool {
    var isReached = true
    for statement in block.statements {
      switch statement.kind {
      case .empty: continue
      case .label: isReached = true
      default:
        if !isReached {
          report(.warning, "unreachable", statement.range.lowerBound, "this is never reached")
          return false
        }
        isReached = flow(statement)
      }
    }
    return isReached
  }

  private mutating func flow(_ statement: LuaStatement) -> Bool {
    switch statement.kind {
    case .return, .break, .goto: return false
    case .expression(let call): return !isError(call)
    case .do(let block): return flow(block)
    case .if(let clauses, let otherwise):
      let ends = clauses.map { flow($0.block) }
      let last = otherwise.map { flow($0) } ?? true
      return ends.contains(true) || last
    case .while(let condition, let block):
      _ = flow(block)
      return condition.constantTruth == true ? leavesEndless(block, statement) : true
    case .repeat(let block, let condition):
      let reachesEnd = flow(block)
      if condition.constantTruth == false { return leavesEndless(block, statement) }
      return reachesEnd || exits(of: block).contains(.break)
    case .numericFor(_, _, _, _, let block), .genericFor(_, _, let block):
      _ = flow(block)
      return true
    default: return true
    }
  }

  /// Whether the code behind a loop without a condition is reached.
  private mutating func leavesEndless(_ block: LuaBlock, _ statement: LuaStatement) -> Bool {
    let exits = exits(of: block)
    if exits.isEmpty {
      report(
        .error, "endless-loop", statement.range.lowerBound,
        "this loop never ends; give it a condition, or leave it with 'break' or 'return'")
    }
    return exits.contains(.break)
  }

  private enum Exit { case `break`, other }

  /// The ways in which a loop's block leaves the loop.
  private func exits(of block: LuaBlock) -> Set<Exit> {
    var found: Set<Exit> = []
    for statement in block.statements {
      switch statement.kind {
      case .break: found.insert(.break)
      case .return, .goto: found.insert(.other)
      case .expression(let call): if isError(call) || isYield(call) { found.insert(.other) }
      case .while(_, let inner), .repeat(let inner, _), .numericFor(_, _, _, _, let inner),
        .genericFor(_, _, let inner):
        // A `break` in there leaves the inner loop.
        found.formUnion(exits(of: inner).subtracting([.break]))
      case .do(let inner): found.formUnion(exits(of: inner))
      case .if(let clauses, let otherwise):
        for inner in clauses.map(\.block) + (otherwise.map { [$0] } ?? []) { found.formUnion(exits(of: inner)) }
      default: break
      }
    }
    return found
  }

  private func isError(_ call: LuaExpression) -> Bool {
    guard case .call(let callee, _) = call.kind, case .name("error", .global) = callee.kind else { return false }
    return true
  }

  /// Who resumes a coroutine may let it rest for ever.
  private func isYield(_ call: LuaExpression) -> Bool {
    guard case .call(let callee, _) = call.kind, case .field(_, let name) = callee.kind else { return false }
    return name.text == "yield"
  }
}
