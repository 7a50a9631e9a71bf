// What a statement or an expression consists of, in the order in which Lua evaluates it.

/// A part of a tree.
public enum LuaNode: Sendable {
  case expression(LuaExpression)
  case block(LuaBlock)
  case function(LuaFunctionBody)
}

extension LuaStatement {
  public var parts: [LuaNode] {
    func nodes(_ list: [LuaExpression]) -> [LuaNode] { list.map(LuaNode.expression) }
    switch kind {
    case .empty, .break, .goto, .label: return []
    case .expression(let call): return [.expression(call)]
    case .assignment(let targets, let values): return nodes(targets + values)
    case .local(_, let values), .return(let values): return nodes(values)
    case .localFunction(_, let body): return [.function(body)]
    case .function(let target, let body): return [.expression(target), .function(body)]
    case .do(let block): return [.block(block)]
    case .while(let condition, let block): return [.expression(condition), .block(block)]
    case .repeat(let block, let condition): return [.block(block), .expression(condition)]
    case .if(let clauses, let otherwise):
      return clauses.flatMap { [.expression($0.condition), .block($0.block)] } + (otherwise.map { [.block($0)] } ?? [])
    case .numericFor(_, let from, let to, let step, let block):
      return nodes([from, to] + (step.map { [$0] } ?? [])) + [.block(block)]
    case .genericFor(_, let values, let block): return nodes(values) + [.block(block)]
    }
  }
}

extension LuaExpression {
  public var parts: [LuaNode] {
    switch kind {
    case .nil, .boolean, .integer, .float, .string, .varargs, .name: return []
    case .function(let body): return [.function(body)]
    case .field(let table, _): return [.expression(table)]
    case .index(let table, let key): return [.expression(table), .expression(key)]
    case .call(let callee, let arguments), .methodCall(let callee, _, let arguments):
      return ([callee] + arguments).map(LuaNode.expression)
    case .binary(_, let left, let right): return [.expression(left), .expression(right)]
    case .unary(_, let operand), .parenthesized(let operand): return [.expression(operand)]
    case .table(let items):
      return items.flatMap { item -> [LuaNode] in
        if case .keyed(let key, let value) = item { return [.expression(key), .expression(value)] }
        return [.expression(item.value)]
      }
    }
  }

  /// This expression and all inside it, in the order of the source, those of functions inside it included.
  public func visit(_ body: (LuaExpression) -> Void) {
    body(self)
    for part in parts { part.visit(body) }
  }
}

extension LuaNode {
  fileprivate func visit(_ body: (LuaExpression) -> Void) {
    switch self {
    case .expression(let expression): expression.visit(body)
    case .block(let block): block.visit(body)
    case .function(let function): function.body.visit(body)
    }
  }
}

extension LuaBlock {
  /// All expressions of the block.
  public func visit(_ body: (LuaExpression) -> Void) {
    for statement in statements { for part in statement.parts { part.visit(body) } }
  }
}
