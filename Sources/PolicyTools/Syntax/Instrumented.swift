// A Lua source that reports which of its statements ran and which way its conditions went.

/// A source with probes: the same lines, the same answers, and a call of a host's function at each statement and each
/// outcome of a condition. The function is a global of the state, and gets the number of the probe.
public struct Instrumented: Sendable {
  public struct Probe: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
      case statement
      /// An outcome of the branch with this index.
      case outcome(branch: Int, Bool)
    }

    public let kind: Kind
    public let line: Int
  }

  /// A place where a source goes one of two ways.
  public struct Branch: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
      /// A condition of `if` or `elseif`: true or false, whether or not there is an `else`.
      case `if`, elseif
      /// The left side, which decides whether the right side is evaluated.
      case and, or
      /// A loop: whether its block ran at all.
      case `while`, `for`
    }

    public let kind: Kind
    public let position: SourcePosition
    /// The text of the condition, of the left side, or of the loop's head.
    public let text: String
  }

  /// With probes.
  public let text: String
  /// By number.
  public let probes: [Probe]
  public let branches: [Branch]
  public let source: SourceText

  /// The global function that probes call.
  public static let probeName = "__probe"

  public init(_ file: AuthorFile) throws(LuaSyntaxError) {
    let chunk = try LuaChunk(file)
    var instrumenter = Instrumenter(chunk)
    instrumenter.instrument()
    text = instrumenter.edits.applied(to: chunk.source)
    probes = instrumenter.probes
    branches = instrumenter.branches
    source = chunk.source
  }
}

/// Puts probes into a source.
private struct Instrumenter {
  let chunk: LuaChunk
  var edits = SourceEdits()
  var probes: [Instrumented.Probe] = []
  var branches: [Instrumented.Branch] = []

  /// Locals, so that neither costs a look-up among globals, and a variable `_ENV` of the source does not hide them.
  private static let prelude =
    " local __probe=\(Instrumented.probeName) "
    + "local function __branch(n,v)if v then __probe(n)else __probe(n+1)end return v end "

  init(_ chunk: LuaChunk) { self.chunk = chunk }

  mutating func instrument() {
    edits.open(at: chunk.body.statements.first?.range.lowerBound ?? 0, Self.prelude)
    visit(chunk.body)
  }

  private mutating func probe(_ kind: Instrumented.Probe.Kind, at offset: Int) -> Int {
    probes.append(Instrumented.Probe(kind: kind, line: chunk.source.line(at: offset)))
    return probes.count - 1
  }

  /// Two probes: the first for true, the next for false.
  private mutating func branch(_ kind: Instrumented.Branch.Kind, _ range: Range<Int>) -> Int {
    let position = chunk.source.position(at: range.lowerBound)
    branches.append(Instrumented.Branch(kind: kind, position: position, text: chunk.source[range]))
    let first = probe(.outcome(branch: branches.count - 1, true), at: range.lowerBound)
    _ = probe(.outcome(branch: branches.count - 1, false), at: range.lowerBound)
    return first
  }

  private mutating func visit(_ block: LuaBlock) {
    for statement in block.statements { visit(statement) }
  }

  private mutating func visit(_ node: LuaNode) {
    switch node {
    case .expression(let expression): visit(expression)
    case .block(let block): visit(block)
    case .function(let function): visit(function.body)
    }
  }

  private mutating func visit(_ statement: LuaStatement) {
    switch statement.kind {
    case .empty, .label: return
    case .do: break
    default:
      let number = probe(.statement, at: statement.range.lowerBound)
      edits.open(at: statement.range.lowerBound, " __probe(\(number));")
    }
    switch statement.kind {
    case .if(let clauses, let otherwise):
      for (index, clause) in clauses.enumerated() {
        condition(clause.condition, index == 0 ? .if : .elseif)
        visit(clause.block)
      }
      if let otherwise { visit(otherwise) }
    case .while(let condition, let block):
      if condition.constantTruth == nil { loop(.while, statement, block) }
      for part in statement.parts { visit(part) }
      if condition.constantTruth == nil { endLoop(statement) }
    case .numericFor(_, _, _, _, let block), .genericFor(_, _, let block):
      loop(.for, statement, block)
      for part in statement.parts { visit(part) }
      endLoop(statement)
    default: for part in statement.parts { visit(part) }
    }
  }

  private mutating func condition(_ expression: LuaExpression, _ kind: Instrumented.Branch.Kind) {
    guard expression.constantTruth == nil else { return visit(expression) }
    let number = branch(kind, expression.range)
    edits.open(at: expression.range.lowerBound, " __branch(\(number),")
    visit(expression)
    edits.close(at: expression.range.upperBound, ")")
  }

  private mutating func visit(_ expression: LuaExpression) {
    if case .binary(.and, let left, let right) = expression.kind {
      condition(left, .and)
      visit(right)
    } else if case .binary(.or, let left, let right) = expression.kind {
      condition(left, .or)
      visit(right)
    } else {
      for part in expression.parts { visit(part) }
    }
  }

  /// A flag tells behind the loop whether its block ran; a loop that is left by `return` or `goto` needs none.
  private mutating func loop(_ kind: Instrumented.Branch.Kind, _ statement: LuaStatement, _ block: LuaBlock) {
    let number = branch(kind, statement.range.lowerBound..<block.range.lowerBound)
    openLoops.append(number)
    edits.open(at: statement.range.lowerBound, "do local __none=true ")
    edits.open(at: block.range.lowerBound, " __none=false __probe(\(number));")
  }

  private mutating func endLoop(_ statement: LuaStatement) {
    let number = openLoops.removeLast()
    edits.close(at: statement.range.upperBound, " if __none then __probe(\(number + 1))end end ")
  }

  private var openLoops: [Int] = []
}
