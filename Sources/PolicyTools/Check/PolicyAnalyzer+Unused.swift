// What is made and never used: variables, and results of calls that do nothing else.

import PolicyHost

extension PolicyAnalyzer {
  mutating func checkUnused() {
    for variable in chunk.variables where variable.reads == 0 && !variable.name.hasPrefix("_") {
      let name = variable.name
      let what = variable.writes > 0 ? "is set and never used" : "is never used"
      switch variable.origin {
      case .local where variable.attribute != .close:
        report(.warning, "unused", variable.range.lowerBound, "the local variable '\(name)' \(what); remove it")
      case .function:
        report(.warning, "unused", variable.range.lowerBound, "the local function '\(name)' \(what); remove it")
      default: break
      }
    }
  }

  /// A statement that is a call of something that only has a result.
  mutating func checkResultIsUsed(_ call: LuaExpression) {
    switch call.kind {
    case .methodCall(let receiver, let name, _):
      guard let method = types.type(of: receiver)?.class?.method(name.text), method.isPure else { return }
    case .call(let callee, _):
      switch callee.kind {
      case .name(let name, .global):
        guard PolicyAPI.functions.contains(where: { $0.name == name && $0.isPure }) || Self.pure.contains(name) else {
          return
        }
      case .field(let library, let name):
        guard case .name(let library, .global) = library.kind, PolicyAPI.isPure(library, name.text) else { return }
      default: return
      }
    default: return
    }
    report(
      .warning, "unused-result", call.range.lowerBound,
      "'\(chunk.text(of: call))' does nothing but give a result, which nobody uses; assign it, or remove it")
  }

  private static let pure: Set = [
    "tostring", "tonumber", "type", "rawequal", "rawget", "rawlen", "select", "ipairs", "pairs",
  ]
}
