// From tokens to a tree. Accepts what lparser.c of Lua 5.4 accepts, and resolves names as it does.

struct LuaParser {
  let source: SourceText
  var lexer: LuaLexer
  var token: LuaToken
  /// The one behind `token`.
  var following: LuaToken?
  /// Where the token before `token` ends.
  var previousEnd = 0
  var variables: [LuaVariable] = []
  var functions: [LuaFunctionScope] = []
  private var depth = 0

  /// Deeper nesting than this is refused, as Lua does (LUAI_MAXCCALLS), so that no text overflows a stack.
  static let deepest = 195
  /// So many operators, fields or calls may follow each other on one level, for the same reason.
  static let longestChain = 1000

  init(_ source: SourceText) throws(LuaSyntaxError) {
    self.source = source
    lexer = LuaLexer(source)
    token = try lexer.next()
  }

  mutating func chunk() throws(LuaSyntaxError) -> LuaBlock {
    functions.append(LuaFunctionScope(isVariadic: true))
    openScope()
    let body = try block()
    guard token.kind == .end else { throw expected("<eof>") }
    try closeScope()
    return body
  }

  // MARK: - Tokens

  /// Goes on to the next token, and returns this one.
  @discardableResult
  mutating func advance() throws(LuaSyntaxError) -> LuaToken {
    let token = token
    previousEnd = token.range.upperBound
    if let following {
      self.token = following
      self.following = nil
    } else {
      self.token = try lexer.next()
    }
    return token
  }

  mutating func peek() throws(LuaSyntaxError) -> LuaToken {
    if let following { return following }
    let next = try lexer.next()
    following = next
    return next
  }

  func isAt(_ keyword: LuaKeyword) -> Bool { token.kind == .keyword(keyword) }

  func isAt(_ symbol: LuaSymbol) -> Bool { token.kind == .symbol(symbol) }

  mutating func take(_ keyword: LuaKeyword) throws(LuaSyntaxError) -> Bool {
    guard isAt(keyword) else { return false }
    try advance()
    return true
  }

  mutating func take(_ symbol: LuaSymbol) throws(LuaSyntaxError) -> Bool {
    guard isAt(symbol) else { return false }
    try advance()
    return true
  }

  mutating func expect(_ keyword: LuaKeyword) throws(LuaSyntaxError) {
    guard try take(keyword) else { throw expected("'\(keyword.rawValue)'") }
  }

  mutating func expect(_ symbol: LuaSymbol) throws(LuaSyntaxError) {
    guard try take(symbol) else { throw expected("'\(symbol.rawValue)'") }
  }

  /// What closes something that was opened at an offset.
  mutating func expect(_ keyword: LuaKeyword, closing opener: LuaKeyword, at start: Int) throws(LuaSyntaxError) {
    if try !take(keyword) { throw unclosed("'\(keyword.rawValue)'", "'\(opener.rawValue)'", start) }
  }

  mutating func expect(_ symbol: LuaSymbol, closing opener: LuaSymbol, at start: Int) throws(LuaSyntaxError) {
    if try !take(symbol) { throw unclosed("'\(symbol.rawValue)'", "'\(opener.rawValue)'", start) }
  }

  mutating func name() throws(LuaSyntaxError) -> LuaName {
    guard token.kind == .name else { throw expected("<name>") }
    let range = try advance().range
    return LuaName(text: source[range], range: range)
  }

  // MARK: - Errors

  func expected(_ what: String) -> LuaSyntaxError { near("\(what) expected") }

  func near(_ message: String) -> LuaSyntaxError {
    let shown = token.kind == .end ? "<eof>" : "'\(source[token.range])'"
    return error("\(message) near \(shown)", at: token.range.lowerBound)
  }

  func error(_ message: String, at offset: Int) -> LuaSyntaxError { LuaSyntaxError(message, at: offset, in: source) }

  private func unclosed(_ what: String, _ opener: String, _ start: Int) -> LuaSyntaxError {
    let line = source.line(at: start)
    if line == source.line(at: token.range.lowerBound) { return expected(what) }
    return near("\(what) expected (to close \(opener) at line \(line))")
  }

  // MARK: - Depth

  mutating func nested<Result>(
    _ body: (inout LuaParser) throws(LuaSyntaxError) -> Result
  ) throws(LuaSyntaxError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw error("this is nested too deeply", at: token.range.lowerBound) }
    return try body(&self)
  }

  func checkChain(_ length: Int) throws(LuaSyntaxError) {
    guard length <= Self.longestChain else {
      throw error("this expression is too long; give parts of it names", at: token.range.lowerBound)
    }
  }
}
