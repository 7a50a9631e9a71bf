// The assertions of a test file: their text, and the values that a failing one shows.

/// A call such as `expect(answer.use):is("a")`, with all that is called on it.
public struct LuaAssertion: Sendable, Hashable {
  public let position: SourcePosition
  /// The whole call.
  public let text: String
  /// The first argument of the function.
  public let subject: String
  /// Variables and fields in it, each once, in the order of the source, such as `answer.use` and `kernels[i].clients`.
  public let values: [String]
}

/// A test file whose assertions can tell the values of the variables in them.
///
/// Where the file has `expect(a.b)`, the text has `__site(3, function(__i) … end, expect)(a.b)`. The host's global function
/// `__site` is given the assertion's number, a function that returns the value of `values[i]` (counted from 1; it may
/// raise an error), and the function to call, which it returns. Lines stay where they are.
public struct LuaAssertions: Sendable {
  /// With calls of `siteName`.
  public let text: String
  /// By number.
  public let assertions: [LuaAssertion]

  public static let siteName = "__site"

  /// - Parameter functions: the names of global functions whose calls are assertions.
  public init(_ file: AuthorFile, functions: Set<String> = ["expect", "assert"]) throws(LuaSyntaxError) {
    let chunk = try LuaChunk(file)
    var edits = SourceEdits()
    var assertions: [LuaAssertion] = []
    var seen: Set<Int> = []
    chunk.body.visit { expression in
      guard let (callee, subject) = Self.root(of: expression, functions), seen.insert(callee.range.lowerBound).inserted
      else { return }
      let values = Self.values(in: expression, chunk)
      edits.open(at: callee.range.lowerBound, " \(Self.siteName)(\(assertions.count),\(Self.reader(values)),")
      edits.close(at: callee.range.upperBound, ")")
      assertions.append(
        LuaAssertion(
          position: chunk.source.position(at: expression.range.lowerBound), text: chunk.text(of: expression),
          subject: subject.map(chunk.text) ?? "", values: values))
    }
    text = edits.applied(to: chunk.source)
    self.assertions = assertions
  }

  /// The function that a chain of calls and fields begins with, if it is one of those, and its first argument.
  private static func root(
    of expression: LuaExpression, _ functions: Set<String>
  ) -> (callee: LuaExpression, subject: LuaExpression?)? {
    switch expression.kind {
    case .call(let callee, let arguments):
      if case .name(let name, .global) = callee.kind, functions.contains(name) { return (callee, arguments.first) }
      return root(of: callee, functions)
    case .methodCall(let callee, _, _): return root(of: callee, functions)
    case .field(let table, _), .index(let table, _): return root(of: table, functions)
    default: return nil
    }
  }

  private static func values(in expression: LuaExpression, _ chunk: LuaChunk) -> [String] {
    var collector = ValueCollector(chunk: chunk)
    collector.visit(expression)
    return collector.values
  }

  /// A function of Lua that returns one of the values by its number.
  private static func reader(_ values: [String]) -> String {
    let cases = values.enumerated().map { "if __i==\($0 + 1) then return \($1) end " }
    return "function(__i)" + cases.joined() + "end"
  }
}

/// Finds names and chains of fields; what calls return is not asked for again.
private struct ValueCollector {
  let chunk: LuaChunk
  var values: [String] = []

  mutating func visit(_ expression: LuaExpression) {
    switch expression.kind {
    case .name, .field, .index:
      if isPlain(expression) { add(expression) } else { visitParts(expression) }
      if case .index(_, let key) = expression.kind { visit(key) }
    case .call(let callee, let arguments):
      if !isPlain(callee) { visit(callee) }
      for argument in arguments { visit(argument) }
    case .methodCall(let callee, _, let arguments):
      if case .name(_, .global) = callee.kind {} else { visit(callee) }
      for argument in arguments { visit(argument) }
    case .function: return
    default: visitParts(expression)
    }
  }

  private mutating func visitParts(_ expression: LuaExpression) {
    for case .expression(let part) in expression.parts { visit(part) }
  }

  private mutating func add(_ expression: LuaExpression) {
    // A reader is one line, so that the lines of the source stay where they are.
    let text = chunk.text(of: expression)
    if !text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }), !text.contains("--"), !values.contains(text) {
      values.append(text)
    }
  }

  /// A variable, or fields of one: reading it calls nothing.
  private func isPlain(_ expression: LuaExpression) -> Bool {
    switch expression.kind {
    case .name: true
    case .field(let table, _): isPlain(table)
    case .index(let table, let key): isPlain(table) && (key.constantTruth == true || isPlain(key))
    default: false
    }
  }
}
