// Statements (reference manual, §3.3).

extension LuaParser {
  /// The statements up to what closes the block; its scope is the caller's business.
  mutating func block() throws(LuaSyntaxError) -> LuaBlock {
    let start = previousEnd
    var statements: [LuaStatement] = []
    while !isAtBlockEnd {
      let isReturn = isAt(.return)
      statements.append(try statement())
      if isReturn { break }
    }
    return LuaBlock(statements: statements, range: start..<token.range.lowerBound)
  }

  private var isAtBlockEnd: Bool { isAtInnerBlockEnd || isAt(.until) }

  /// Where the variables of the block are out of sight; before `until` they are not.
  private var isAtInnerBlockEnd: Bool {
    switch token.kind {
    case .end, .keyword(.end), .keyword(.else), .keyword(.elseif): true
    default: false
    }
  }

  private mutating func scopedBlock(
    isLoop: Bool = false, with variables: [Int] = []
  ) throws(LuaSyntaxError) -> LuaBlock {
    openScope(isLoop: isLoop)
    try bring(variables)
    let block = try block()
    try closeScope()
    return block
  }

  private mutating func statement() throws(LuaSyntaxError) -> LuaStatement {
    let start = token.range.lowerBound
    let kind = try nested { parser throws(LuaSyntaxError) in try parser.statementKind(start) }
    return LuaStatement(kind: kind, range: start..<previousEnd)
  }

  private mutating func statementKind(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    switch token.kind {
    case .symbol(.semicolon):
      try advance()
      return .empty
    case .symbol(.doubleColon): return try label()
    case .keyword(.if): return try ifStatement(start)
    case .keyword(.while): return try whileStatement(start)
    case .keyword(.for): return try forStatement(start)
    case .keyword(.repeat): return try repeatStatement(start)
    case .keyword(.function): return try functionStatement(start)
    case .keyword(.local): return try localStatement(start)
    case .keyword(.return): return try returnStatement()
    case .keyword(.do):
      try advance()
      let block = try scopedBlock()
      try expect(.end, closing: .do, at: start)
      return .do(block)
    case .keyword(.break):
      let range = try advance().range
      jump(to: LuaName(text: LuaFunctionScope.breakLabel, range: range))
      return .break
    case .keyword(.goto):
      try advance()
      let name = try name()
      jump(to: name)
      return .goto(name)
    default: return try expressionStatement()
    }
  }

  private mutating func label() throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let name = try name()
    try expect(.doubleColon)
    try addLabel(name, isLast: try isLastInBlock())
    return .label(name)
  }

  /// Whether only labels and `;` follow in the block.
  private func isLastInBlock() throws(LuaSyntaxError) -> Bool {
    var ahead = self
    while true {
      if ahead.isAt(.semicolon) {
        try ahead.advance()
      } else if ahead.isAt(.doubleColon) {
        try ahead.advance()
        _ = try ahead.name()
        try ahead.expect(.doubleColon)
      } else {
        return ahead.isAtInnerBlockEnd
      }
    }
  }

  private mutating func ifStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    var clauses: [LuaIfClause] = []
    repeat {
      try advance()
      let condition = try expression()
      try expect(.then)
      clauses.append(LuaIfClause(condition: condition, block: try scopedBlock()))
    } while isAt(.elseif)
    let otherwise = try take(.else) ? try scopedBlock() : nil
    try expect(.end, closing: .if, at: start)
    return .if(clauses, else: otherwise)
  }

  private mutating func whileStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let condition = try expression()
    try expect(.do)
    let block = try scopedBlock(isLoop: true)
    try expect(.end, closing: .while, at: start)
    return .while(condition, block)
  }

  private mutating func repeatStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    openScope(isLoop: true)
    openScope()
    let block = try block()
    try expect(.until, closing: .repeat, at: start)
    let condition = try expression()
    try closeScope()
    try closeScope()
    return .repeat(block, until: condition)
  }

  private mutating func forStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let first = try name()
    openScope(isLoop: true)
    // Three hidden variables of a numeric loop, four of a generic one, take part in the count of variables.
    let kind: LuaStatement.Kind
    switch token.kind {
    case .symbol(.assign): kind = try numericFor(first)
    case .symbol(.comma), .keyword(.in): kind = try genericFor(first)
    default: throw near("'=' or 'in' expected")
    }
    try expect(.end, closing: .for, at: start)
    try closeScope()
    return kind
  }

  private mutating func numericFor(_ name: LuaName) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let from = try expression()
    try expect(.comma)
    let to = try expression()
    let step = try take(.comma) ? try expression() : nil
    try expect(.do)
    let variable = declare(name, .loop)
    return .numericFor(variable, from: from, to: to, step: step, try scopedBlock(with: [variable]))
  }

  private mutating func genericFor(_ first: LuaName) throws(LuaSyntaxError) -> LuaStatement.Kind {
    var names = [first]
    while try take(.comma) { names.append(try name()) }
    try expect(.in)
    let values = try expressions()
    try expect(.do)
    let variables = names.map { declare($0, .loop) }
    return .genericFor(variables, values, try scopedBlock(with: variables))
  }

  private mutating func functionStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let base = try name()
    let reference = resolve(base.text)
    var target = LuaExpression(kind: .name(base.text, reference), range: base.range)
    var isMethod = false
    var length = 0
    while !isMethod, isAt(.dot) || isAt(.colon) {
      length += 1
      try checkChain(length)
      isMethod = isAt(.colon)
      try advance()
      let field = try name()
      target = LuaExpression(kind: .field(target, field), range: base.range.lowerBound..<previousEnd)
    }
    let body = try functionBody(start: start, isMethod: isMethod)
    if length > 0, case .local(let index) = reference { variables[index].reads += 1 }
    try checkAssignable(target)
    return .function(target: target, body)
  }

  private mutating func localStatement(_ start: Int) throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    if isAt(.function) {
      let start = try advance().range.lowerBound
      let variable = declare(try name(), .function)
      try bring([variable])
      return .localFunction(variable, try functionBody(start: start))
    }
    var new: [Int] = []
    repeat {
      let name = try name()
      new.append(declare(name, .local, attribute: try attribute()))
    } while try take(.comma)
    if new.count(where: { variables[$0].attribute == .close }) > 1 {
      throw near("multiple to-be-closed variables in local list")
    }
    let values = try take(.assign) ? try expressions() : []
    try bring(new)
    return .local(new, values)
  }

  private mutating func attribute() throws(LuaSyntaxError) -> LuaVariable.Attribute? {
    guard try take(.less) else { return nil }
    let name = try name()
    try expect(.greater)
    guard let attribute = LuaVariable.Attribute(rawValue: name.text) else {
      throw error("unknown attribute '\(name.text)'", at: name.range.lowerBound)
    }
    return attribute
  }

  private mutating func returnStatement() throws(LuaSyntaxError) -> LuaStatement.Kind {
    try advance()
    let values = isAtBlockEnd || isAt(.semicolon) ? [] : try expressions()
    _ = try take(.semicolon)
    guard isAtBlockEnd else { throw expected("'end'") }
    return .return(values)
  }

  private mutating func expressionStatement() throws(LuaSyntaxError) -> LuaStatement.Kind {
    let first = try suffixedExpression()
    guard isAt(.assign) || isAt(.comma) else {
      switch first.kind {
      case .call, .methodCall: return .expression(first)
      default: throw near("syntax error")
      }
    }
    var targets = [first]
    try checkAssignable(first)
    while try take(.comma) {
      let target = try suffixedExpression()
      try checkAssignable(target)
      targets.append(target)
    }
    try expect(.assign)
    // A plain name on the left was counted as a use of its value.
    for case .name(_, .local(let index)) in targets.map(\.kind) { variables[index].reads -= 1 }
    return .assignment(targets: targets, values: try expressions())
  }

  private mutating func checkAssignable(_ target: LuaExpression) throws(LuaSyntaxError) {
    switch target.kind {
    case .field, .index, .name(_, .global): return
    case .name(let name, .local(let index)):
      if variables[index].attribute != nil {
        throw error("attempt to assign to const variable '\(name)'", at: target.range.lowerBound)
      }
      variables[index].writes += 1
    default: throw near("syntax error")
    }
  }
}
