// Rewrites the assertions of a Lua fixture so that a failing one can show its expression and what is in it. Only text
// within lines is added, so that line numbers stay.

struct PowerAssertions {
  struct Assertion {
    /// As it is written.
    let expression: String
    /// The variables in it, as they are written.
    let variables: [String]
  }

  /// What is to be run. The file's own text where that is not Lua: then Lua says so.
  let text: [UInt8]
  private(set) var assertions: [Assertion] = []

  init(_ file: AuthorFile) {
    guard let chunk = try? LuaChunk(file) else {  // the compiler's own message is the one that people know
      text = Array(file.text.utf8)
      return
    }
    var finder = AssertionFinder(chunk)
    finder.visit(chunk.body)
    assertions = finder.assertions
    var result = chunk.source.bytes
    for edit in finder.edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
      result.replaceSubrange(edit.range, with: edit.text.utf8)
    }
    text = result
  }

  subscript(number: Int) -> Assertion? { assertions.indices.contains(number) ? assertions[number] : nil }
}

private struct AssertionFinder {
  let chunk: LuaChunk
  var assertions: [PowerAssertions.Assertion] = []
  var edits: [(range: Range<Int>, text: String)] = []

  /// More would hide what matters.
  private static let mostVariables = 12

  init(_ chunk: LuaChunk) { self.chunk = chunk }

  mutating func visit(_ block: LuaBlock) {
    for statement in block.statements {
      statement.forEachPart(expression: { visit($0) }, block: { visit($0) })
    }
  }

  private mutating func visit(_ expression: LuaExpression) {
    note(expression)
    var chain = expression
    // The links of `expect(a):never():equals(b)` are not expectations of their own.
    while case .methodCall(let receiver, _, let arguments) = chain.kind, isExpectation(receiver) {
      for argument in arguments { visit(argument) }
      chain = receiver
    }
    chain.forEachPart(expression: { visit($0) }, block: { visit($0) })
  }

  private mutating func note(_ expression: LuaExpression) {
    switch expression.kind {
    case .call(let callee, let arguments) where callee.isGlobal("assert") && !arguments.isEmpty:
      rewrite(callee, "__assert", expression, [arguments[0]])
    case .methodCall(let receiver, _, _) where isExpectation(receiver):
      var (link, parts) = (expression, [LuaExpression]())
      while case .methodCall(let receiver, _, let arguments) = link.kind {
        parts.insert(contentsOf: arguments, at: 0)
        link = receiver
      }
      guard case .call(let callee, let arguments) = link.kind else { return }
      rewrite(callee, "__expect", expression, arguments + parts)
    default: break
    }
  }

  private func isExpectation(_ expression: LuaExpression) -> Bool {
    switch expression.kind {
    case .call(let callee, let arguments): callee.isGlobal("expect") && arguments.count == 1
    case .methodCall(let receiver, _, _): isExpectation(receiver)
    default: false
    }
  }

  private mutating func rewrite(
    _ callee: LuaExpression, _ name: String, _ whole: LuaExpression, _ parts: [LuaExpression]
  ) {
    // `assert "text"` and `expect{…}` have no parenthesis to put anything behind.
    guard chunk.source.bytes[callee.range.upperBound...].first == UInt8(ascii: "(") else { return }
    var variables: [String] = []
    for part in parts { part.collectVariables(chunk, &variables) }
    variables = Array(variables.prefix(Self.mostVariables))
    var getter = "nil"
    if !variables.isEmpty {
      let cases = variables.enumerated().map { "if __n == \($0 + 1) then return \($1) end" }
      getter = "function(__n) \(cases.joined(separator: " ")) end"
    }
    edits.append((callee.range, name))
    let behind = callee.range.upperBound + 1
    edits.append((behind..<behind, "\(assertions.count), \(variables.count), \(getter), "))
    let text = chunk.text(of: whole)
    assertions.append(PowerAssertions.Assertion(expression: text, variables: variables))
  }
}

extension LuaExpression {
  fileprivate func isGlobal(_ name: String) -> Bool { kind == .name(name, .global) }

  /// Reading it runs no code of the fixture, as far as one can see, and takes one line.
  private func isPlain(_ chunk: LuaChunk) -> Bool {
    switch kind {
    case .name: true
    case .field(let table, _): table.isPlain(chunk) && !chunk.text(of: self).contains { $0.isNewline }
    case .index(let table, let key):
      table.isPlain(chunk) && (key.isPlain(chunk) || key.isConstant) && !chunk.text(of: self).contains { $0.isNewline }
    default: false
    }
  }

  private var isConstant: Bool {
    switch kind {
    case .nil, .boolean, .integer, .float, .string: true
    default: false
    }
  }

  /// The variables, fields and elements that are read here; not the functions that are called, nor what is inside of
  /// functions.
  fileprivate func collectVariables(_ chunk: LuaChunk, _ found: inout [String]) {
    switch kind {
    case .name, .field, .index:
      if isPlain(chunk) {
        let text = chunk.text(of: self)
        if !found.contains(text) { found.append(text) }
        if case .index(_, let key) = kind { key.collectVariables(chunk, &found) }
      } else {
        forEachPart(expression: { $0.collectVariables(chunk, &found) }, block: { _ in })
      }
    case .call(let callee, let arguments):
      if case .field(let table, _) = callee.kind, !table.isLibrary { table.collectVariables(chunk, &found) }
      for argument in arguments { argument.collectVariables(chunk, &found) }
    case .function: break
    default: forEachPart(expression: { $0.collectVariables(chunk, &found) }, block: { _ in })
    }
  }

  private var isLibrary: Bool {
    if case .name(_, .global) = kind { true } else { false }
  }
}
