// The direct parts of statements and expressions, for those who walk through a tree.

extension LuaStatement {
  func forEachPart(expression visit: (LuaExpression) -> Void, block enter: (LuaBlock) -> Void) {
    switch kind {
    case .empty, .break, .goto, .label: break
    case .expression(let expression): visit(expression)
    case .assignment(let targets, let values): (targets + values).forEach(visit)
    case .local(_, let values), .return(let values): values.forEach(visit)
    case .localFunction(_, let function), .function(_, let function): enter(function.body)
    case .do(let block): enter(block)
    case .while(let condition, let block), .repeat(let block, until: let condition):
      visit(condition)
      enter(block)
    case .if(let clauses, else: let last):
      for clause in clauses {
        visit(clause.condition)
        enter(clause.block)
      }
      if let last { enter(last) }
    case .numericFor(_, from: let first, to: let last, step: let step, let block):
      visit(first)
      visit(last)
      if let step { visit(step) }
      enter(block)
    case .genericFor(_, let values, let block):
      values.forEach(visit)
      enter(block)
    }
  }
}

extension LuaExpression {
  func forEachPart(expression visit: (LuaExpression) -> Void, block enter: (LuaBlock) -> Void) {
    switch kind {
    case .nil, .boolean, .integer, .float, .string, .varargs, .name: break
    case .function(let function): enter(function.body)
    case .field(let table, _): visit(table)
    case .index(let table, let key):
      visit(table)
      visit(key)
    case .call(let callee, let arguments):
      visit(callee)
      arguments.forEach(visit)
    case .methodCall(let receiver, _, let arguments):
      visit(receiver)
      arguments.forEach(visit)
    case .binary(_, let left, let right):
      visit(left)
      visit(right)
    case .unary(_, let operand), .parenthesized(let operand): visit(operand)
    case .table(let items):
      for item in items {
        if case .keyed(let key, _) = item { visit(key) }
        visit(item.value)
      }
    }
  }
}
