// The expressions of a Lua source as a tree, with the bytes where each stands.

public struct LuaExpression: Sendable, Hashable {
  public indirect enum Kind: Sendable, Hashable {
    case `nil`
    case boolean(Bool)
    case integer(Int64)
    case float(Double)
    case string([UInt8])
    /// `...`
    case varargs
    case function(LuaFunctionBody)
    case name(String, LuaReference)
    /// `table.key`, or `table["key"]` as an index.
    case field(LuaExpression, LuaName)
    case index(LuaExpression, LuaExpression)
    case call(LuaExpression, [LuaExpression])
    case methodCall(LuaExpression, LuaName, [LuaExpression])
    case binary(LuaBinaryOperator, LuaExpression, LuaExpression)
    case unary(LuaUnaryOperator, LuaExpression)
    case table([LuaTableItem])
    /// `(…)`, which cuts several values down to one.
    case parenthesized(LuaExpression)
  }

  public let kind: Kind
  /// In bytes of the source.
  public let range: Range<Int>

  /// Without parentheses around it.
  public var inner: LuaExpression {
    var expression = self
    while case .parenthesized(let inside) = expression.kind { expression = inside }
    return expression
  }

  /// The text of a string constant.
  public var constantText: String? {
    if case .string(let bytes) = inner.kind { String(decoding: bytes, as: UTF8.self) } else { nil }
  }

  /// Whether it is true or false whatever happens; nil if that depends.
  public var constantTruth: Bool? {
    switch inner.kind {
    case .nil: false
    case .boolean(let value): value
    case .integer, .float, .string, .table, .function: true
    default: nil
    }
  }
}

/// What a name means where it stands.
public enum LuaReference: Sendable, Hashable {
  /// The index of a variable in `LuaChunk.variables`.
  case local(Int)
  case global
}

/// An identifier where no variable is meant: a field, a method, a label.
public struct LuaName: Sendable, Hashable {
  public let text: String
  public let range: Range<Int>
}

public enum LuaTableItem: Sendable, Hashable {
  /// `value`
  case positional(LuaExpression)
  /// `name = value`
  case named(LuaName, LuaExpression)
  /// `[key] = value`
  case keyed(LuaExpression, LuaExpression)

  public var value: LuaExpression {
    switch self {
    case .positional(let value), .named(_, let value), .keyed(_, let value): value
    }
  }
}

public struct LuaFunctionBody: Sendable, Hashable {
  /// Indexes in `LuaChunk.variables`; the implicit `self` of a method is the first.
  public let parameters: [Int]
  public let isVariadic: Bool
  public let body: LuaBlock
  /// From the opening parenthesis to `end`.
  public let range: Range<Int>
}

public enum LuaBinaryOperator: String, Sendable, Hashable {
  case or, and
  case less = "<"
  case greater = ">"
  case lessOrEqual = "<="
  case greaterOrEqual = ">="
  case notEqual = "~="
  case equal = "=="
  case bitOr = "|"
  case bitXor = "~"
  case bitAnd = "&"
  case shiftLeft = "<<"
  case shiftRight = ">>"
  case concatenate = ".."
  case plus = "+"
  case minus = "-"
  case times = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "^"

  /// How tightly it binds on its left and on its right (lparser.c, `priority`).
  var priority: (left: Int, right: Int) {
    switch self {
    case .or: (1, 1)
    case .and: (2, 2)
    case .less, .greater, .lessOrEqual, .greaterOrEqual, .notEqual, .equal: (3, 3)
    case .bitOr: (4, 4)
    case .bitXor: (5, 5)
    case .bitAnd: (6, 6)
    case .shiftLeft, .shiftRight: (7, 7)
    case .concatenate: (9, 8)
    case .plus, .minus: (10, 10)
    case .times, .divide, .floorDivide, .modulo: (11, 11)
    case .power: (14, 13)
    }
  }

  init?(_ token: LuaToken.Kind) {
    switch token {
    case .keyword(.and): self = .and
    case .keyword(.or): self = .or
    case .symbol(let symbol): self.init(rawValue: symbol.rawValue)
    default: return nil
    }
  }
}

public enum LuaUnaryOperator: String, Sendable, Hashable {
  case not
  case negate = "-"
  case bitNot = "~"
  case length = "#"

  static let priority = 12

  init?(_ token: LuaToken.Kind) {
    switch token {
    case .keyword(.not): self = .not
    case .symbol(let symbol): self.init(rawValue: symbol.rawValue)
    default: return nil
    }
  }
}
