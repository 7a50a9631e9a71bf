// The statements of a Lua source as a tree, and a whole source.

public struct LuaBlock: Sendable, Hashable {
  public let statements: [LuaStatement]
  /// From the end of what opens it to the beginning of what closes it.
  public let range: Range<Int>
}

public struct LuaStatement: Sendable, Hashable {
  public indirect enum Kind: Sendable, Hashable {
    /// `;`
    case empty
    /// A call.
    case expression(LuaExpression)
    case assignment(targets: [LuaExpression], values: [LuaExpression])
    /// Variables are indexes in `LuaChunk.variables`.
    case local([Int], [LuaExpression])
    case localFunction(Int, LuaFunctionBody)
    /// `function a.b:c() … end`; a method's function has `self`.
    case function(target: LuaExpression, LuaFunctionBody)
    case `do`(LuaBlock)
    case `while`(LuaExpression, LuaBlock)
    case `repeat`(LuaBlock, until: LuaExpression)
    case `if`([LuaIfClause], else: LuaBlock?)
    case numericFor(Int, from: LuaExpression, to: LuaExpression, step: LuaExpression?, LuaBlock)
    case genericFor([Int], [LuaExpression], LuaBlock)
    case `return`([LuaExpression])
    case `break`
    case goto(LuaName)
    case label(LuaName)
  }

  public let kind: Kind
  /// In bytes of the source.
  public let range: Range<Int>
}

/// `if … then …` or `elseif … then …`.
public struct LuaIfClause: Sendable, Hashable {
  public let condition: LuaExpression
  public let block: LuaBlock
}

/// A local variable, with the uses that were found.
public struct LuaVariable: Sendable, Hashable {
  public enum Origin: Sendable, Hashable {
    case local, function, parameter, loop
    /// The implicit first parameter of a method.
    case implicitSelf
  }

  public enum Attribute: String, Sendable, Hashable {
    case const, close
  }

  public let name: String
  /// Where it is declared.
  public let range: Range<Int>
  public let origin: Origin
  public let attribute: Attribute?
  /// How often its value is used.
  public internal(set) var reads = 0
  /// How often it is assigned to after its declaration.
  public internal(set) var writes = 0
}

/// A Lua source, read.
public struct LuaChunk: Sendable {
  public let source: SourceText
  public let body: LuaBlock
  /// All local variables, in the order of their declarations.
  public let variables: [LuaVariable]

  /// - Parameter name: what positions in messages begin with.
  public init(_ text: [UInt8], name: String) throws(LuaSyntaxError) {
    var parser = try LuaParser(SourceText(text, name: name))
    body = try parser.chunk()
    source = parser.source
    variables = parser.variables
  }

  public init(_ text: String, name: String) throws(LuaSyntaxError) { try self.init(Array(text.utf8), name: name) }

  public init(_ file: AuthorFile) throws(LuaSyntaxError) { try self.init(file.text, name: file.name) }

  public func text(of expression: LuaExpression) -> String { source[expression.range] }
}
