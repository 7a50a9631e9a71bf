// Expressions (reference manual, §3.4).

extension LuaParser {
  mutating func expression() throws(LuaSyntaxError) -> LuaExpression { try expression(above: 0) }

  mutating func expressions() throws(LuaSyntaxError) -> [LuaExpression] {
    var list = [try expression()]
    while try take(.comma) { list.append(try expression()) }
    return list
  }

  private func make(_ kind: LuaExpression.Kind, from start: Int) -> LuaExpression {
    LuaExpression(kind: kind, range: start..<previousEnd)
  }

  /// An expression whose operators bind more tightly than a limit.
  private mutating func expression(above limit: Int) throws(LuaSyntaxError) -> LuaExpression {
    try nested { parser throws(LuaSyntaxError) in
      let start = parser.token.range.lowerBound
      var result: LuaExpression
      if let unary = LuaUnaryOperator(parser.token.kind) {
        try parser.advance()
        let operand = try parser.expression(above: LuaUnaryOperator.priority)
        result = parser.make(.unary(unary, operand), from: start)
      } else {
        result = try parser.simpleExpression()
      }
      var length = 0
      while let binary = LuaBinaryOperator(parser.token.kind), binary.priority.left > limit {
        length += 1
        try parser.checkChain(length)
        try parser.advance()
        let right = try parser.expression(above: binary.priority.right)
        result = parser.make(.binary(binary, result, right), from: start)
      }
      return result
    }
  }

  private mutating func simpleExpression() throws(LuaSyntaxError) -> LuaExpression {
    let start = token.range.lowerBound
    let kind: LuaExpression.Kind
    switch token.kind {
    case .integer(let value): kind = .integer(value)
    case .float(let value): kind = .float(value)
    case .string(let value): kind = .string(value)
    case .keyword(.nil): kind = .nil
    case .keyword(.true): kind = .boolean(true)
    case .keyword(.false): kind = .boolean(false)
    case .symbol(.ellipsis):
      guard isVariadic else { throw near("cannot use '...' outside a vararg function") }
      kind = .varargs
    case .symbol(.leftBrace): return try table()
    case .keyword(.function):
      try advance()
      let body = try functionBody(start: start)
      return make(.function(body), from: start)
    default: return try suffixedExpression()
    }
    try advance()
    return make(kind, from: start)
  }

  /// A name or something in parentheses, with all fields and calls behind it.
  mutating func suffixedExpression() throws(LuaSyntaxError) -> LuaExpression {
    let start = token.range.lowerBound
    var result = try primaryExpression()
    var length = 0
    while true {
      length += 1
      try checkChain(length)
      switch token.kind {
      case .symbol(.dot):
        try advance()
        let key = try name()
        result = make(.field(result, key), from: start)
      case .symbol(.leftBracket):
        try advance()
        let key = try expression()
        try expect(.rightBracket)
        result = make(.index(result, key), from: start)
      case .symbol(.colon):
        try advance()
        let method = try name()
        let arguments = try arguments()
        result = make(.methodCall(result, method, arguments), from: start)
      case .symbol(.leftParenthesis), .symbol(.leftBrace), .string:
        let arguments = try arguments()
        result = make(.call(result, arguments), from: start)
      default: return result
      }
    }
  }

  private mutating func primaryExpression() throws(LuaSyntaxError) -> LuaExpression {
    let start = token.range.lowerBound
    switch token.kind {
    case .name:
      let name = try name()
      let reference = resolve(name.text)
      if case .local(let index) = reference { variables[index].reads += 1 }
      return make(.name(name.text, reference), from: start)
    case .symbol(.leftParenthesis):
      try advance()
      let inside = try expression()
      try expect(.rightParenthesis, closing: .leftParenthesis, at: start)
      return make(.parenthesized(inside), from: start)
    default: throw near("unexpected symbol")
    }
  }

  private mutating func arguments() throws(LuaSyntaxError) -> [LuaExpression] {
    let start = token.range.lowerBound
    switch token.kind {
    case .string(let text):
      try advance()
      return [make(.string(text), from: start)]
    case .symbol(.leftBrace): return [try table()]
    case .symbol(.leftParenthesis):
      try advance()
      let list = isAt(.rightParenthesis) ? [] : try expressions()
      try expect(.rightParenthesis, closing: .leftParenthesis, at: start)
      return list
    default: throw near("function arguments expected")
    }
  }

  private mutating func table() throws(LuaSyntaxError) -> LuaExpression {
    let start = token.range.lowerBound
    try expect(.leftBrace)
    var items: [LuaTableItem] = []
    while !isAt(.rightBrace) {
      items.append(try tableItem())
      guard isAt(.comma) || isAt(.semicolon) else { break }
      try advance()
    }
    try expect(.rightBrace, closing: .leftBrace, at: start)
    return make(.table(items), from: start)
  }

  private mutating func tableItem() throws(LuaSyntaxError) -> LuaTableItem {
    if token.kind == .name, try peek().kind == .symbol(.assign) {
      let name = try name()
      try advance()
      return .named(name, try expression())
    }
    guard isAt(.leftBracket) else { return .positional(try expression()) }
    try advance()
    let key = try expression()
    try expect(.rightBracket)
    try expect(.assign)
    return .keyed(key, try expression())
  }

  /// Parameters, block and `end`.
  /// - Parameter start: of the keyword `function`.
  mutating func functionBody(start: Int, isMethod: Bool = false) throws(LuaSyntaxError) -> LuaFunctionBody {
    let open = token.range.lowerBound
    var parameters: [Int] = []
    if isMethod { parameters.append(declare(LuaName(text: "self", range: open..<open), .implicitSelf)) }
    try expect(.leftParenthesis)
    var isVariadic = false
    var goesOn = !isAt(.rightParenthesis)
    while goesOn {
      isVariadic = try take(.ellipsis)
      if isVariadic { break }
      guard token.kind == .name else { throw expected("<name> or '...'") }
      parameters.append(declare(try name(), .parameter))
      goesOn = try take(.comma)
    }
    try expect(.rightParenthesis)
    functions.append(LuaFunctionScope(isVariadic: isVariadic))
    openScope()
    try bring(parameters)
    let body = try block()
    try expect(.end, closing: .function, at: start)
    try closeScope()
    return LuaFunctionBody(parameters: parameters, isVariadic: isVariadic, body: body, range: open..<previousEnd)
  }
}
