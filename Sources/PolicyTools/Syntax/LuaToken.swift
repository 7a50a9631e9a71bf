// The words of Lua 5.4 (reference manual, §3.1).

struct LuaToken: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case name
    case integer(Int64)
    case float(Double)
    case string([UInt8])
    case keyword(LuaKeyword)
    /// An operator or other mark, such as `<=`.
    case symbol(LuaSymbol)
    case end
  }

  var kind: Kind
  /// In bytes.
  var range: Range<Int>
}

enum LuaKeyword: String, Sendable, CaseIterable {
  case and, `break`, `do`, `else`, elseif, end, `false`, `for`, function, goto, `if`, `in`, local, `nil`, not, or
  case `repeat`, `return`, then, `true`, until, `while`
}

enum LuaSymbol: String, Sendable, CaseIterable {
  case plus = "+"
  case minus = "-"
  case times = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "^"
  case length = "#"
  case bitAnd = "&"
  case bitXor = "~"
  case bitOr = "|"
  case shiftLeft = "<<"
  case shiftRight = ">>"
  case equal = "=="
  case notEqual = "~="
  case lessOrEqual = "<="
  case greaterOrEqual = ">="
  case less = "<"
  case greater = ">"
  case assign = "="
  case leftParenthesis = "("
  case rightParenthesis = ")"
  case leftBrace = "{"
  case rightBrace = "}"
  case leftBracket = "["
  case rightBracket = "]"
  case doubleColon = "::"
  case semicolon = ";"
  case colon = ":"
  case comma = ","
  case dot = "."
  case concatenate = ".."
  case ellipsis = "..."

  /// By first byte, longest first.
  static let byFirstByte: [UInt8: [(symbol: LuaSymbol, bytes: [UInt8])]] = Dictionary(
    grouping: allCases.map { (symbol: $0, bytes: Array($0.rawValue.utf8)) }, by: \.bytes[0]
  ).mapValues { $0.sorted { $0.bytes.count > $1.bytes.count } }
}
