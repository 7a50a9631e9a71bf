// The types of expressions, as far as the declarations tell.

import PolicyHost

/// A type as a declaration writes it, such as `fleet.Kernel?` or `fleet.Kernel[]`.
struct PolicyType: Equatable {
  /// Without `?` and `[]`.
  let name: String
  var isOptional = false
  var isArray = false

  init(_ declared: String) {
    var text = declared[...]
    isOptional = text.hasSuffix("?")
    if isOptional { text = text.dropLast() }
    isArray = text.hasSuffix("[]")
    if isArray { text = text.dropLast(2) }
    name = String(text)
  }

  var `class`: PolicyAPI.Class? { isArray ? nil : PolicyAPI.class(name) }

  var element: PolicyType? { isArray ? PolicyType(name) : nil }

  /// For people.
  var article: String {
    switch name {
    case "fleet.Kernel": "a kernel"
    case "fleet.Kernels": "a set of kernels"
    case "fleet.RouteRequest", "fleet.AdmitRequest": "the request"
    case "fleet.Pool": "the pool"
    case "fleet.Exit": "the exit"
    case "fleet.Map": "a map"
    default: name
    }
  }
}

/// Types of local variables, and of expressions made of them.
struct PolicyTypes {
  private var variables: [Int: PolicyType] = [:]

  subscript(variable: Int) -> PolicyType? { variables[variable] }

  mutating func set(_ variable: Int, _ type: PolicyType?) { variables[variable] = type }

  func type(of expression: LuaExpression) -> PolicyType? {
    switch expression.kind {
    case .name(_, .local(let variable)): return variables[variable]
    case .name(let name, .global):
      return PolicyAPI.variables.first { $0.name == name }.map { PolicyType($0.type) }
    case .parenthesized(let inside): return type(of: inside)
    case .field(let table, let key):
      return type(of: table)?.class?.field(key.text).map { PolicyType($0.type) }
    case .index(let table, let key):
      // Mostly the index of a loop; a warning about each would be wrong most of the time.
      if let element = type(of: table)?.element { return element }
      guard let name = key.constantText else { return nil }
      return type(of: table)?.class?.field(name).map { PolicyType($0.type) }
    case .methodCall(let receiver, let name, _):
      return type(of: receiver)?.class?.method(name.text)?.returns.first.map { PolicyType($0) }
    case .call(let callee, _):
      guard case .field(let table, let name) = callee.kind, let one = type(of: table)?.class, one.callsWithDot else {
        return nil
      }
      return one.method(name.text)?.returns.first.map { PolicyType($0) }
    case .binary(.or, let left, let right):
      guard let left = type(of: left), let right = type(of: right), left.name == right.name else { return nil }
      return right
    case .binary(.and, _, let right):
      return type(of: right).map { PolicyType($0.isArray || $0.isOptional ? $0.name : $0.name + "?") }
    default: return nil
    }
  }

  /// The types of the variables of a generic `for`.
  func loopTypes(_ values: [LuaExpression]) -> [PolicyType?] {
    guard let iterator = values.first else { return [] }
    if case .methodCall(let set, let name, _) = iterator.kind, name.text == "each",
      type(of: set)?.name == "fleet.Kernels"
    {
      return [PolicyType("fleet.Kernel")]
    }
    guard case .call(let callee, let arguments) = iterator.kind, let list = arguments.first,
      case .name(let name, .global) = callee.kind, name == "ipairs" || name == "pairs"
    else { return [] }
    return [nil, type(of: list)?.element]
  }
}
