// Local variables, labels and jumps: who sees whom.

/// A function while it is read.
struct LuaFunctionScope {
  struct Scope {
    var firstVariable: Int
    var firstLabel: Int
    var firstJump: Int
    var isLoop: Bool
  }

  struct Label {
    var name: String
    var line: Int
  }

  /// A `goto` or `break` whose label has not been seen.
  struct Jump {
    var name: LuaName
    /// How many variables its target may see at most.
    var variableCount: Int
  }

  /// As many local variables as one function may have at a time (MAXVARS).
  static let mostVariables = 200
  /// A `break` is a jump to a label that no program can have.
  static let breakLabel = "break"

  let isVariadic: Bool
  /// Indexes of the variables that are in sight, innermost last.
  var active: [Int] = []
  var scopes: [Scope] = []
  var labels: [Label] = []
  var jumps: [Jump] = []
}

extension LuaParser {
  private var function: LuaFunctionScope {
    get { functions[functions.count - 1] }
    _modify { yield &functions[functions.count - 1] }
  }

  var isVariadic: Bool { function.isVariadic }

  // MARK: - Variables

  /// Makes a variable, which is not in sight yet.
  mutating func declare(
    _ name: LuaName, _ origin: LuaVariable.Origin, attribute: LuaVariable.Attribute? = nil
  ) -> Int {
    variables.append(LuaVariable(name: name.text, range: name.range, origin: origin, attribute: attribute))
    return variables.count - 1
  }

  mutating func bring(_ new: [Int]) throws(LuaSyntaxError) {
    function.active += new
    if function.active.count > LuaFunctionScope.mostVariables {
      throw near("too many local variables (limit is \(LuaFunctionScope.mostVariables)) in one function")
    }
  }

  func resolve(_ name: String) -> LuaReference {
    for function in functions.reversed() {
      if let found = function.active.last(where: { variables[$0].name == name }) { return .local(found) }
    }
    return .global
  }

  // MARK: - Scopes

  mutating func openScope(isLoop: Bool = false) {
    function.scopes.append(
      LuaFunctionScope.Scope(
        firstVariable: function.active.count, firstLabel: function.labels.count, firstJump: function.jumps.count,
        isLoop: isLoop))
  }

  /// The jumps that have found no label go on looking in the scope around it.
  mutating func closeScope() throws(LuaSyntaxError) {
    let scope = function.scopes.removeLast()
    function.active.removeSubrange(scope.firstVariable...)
    if scope.isLoop { try solveJumps(to: LuaFunctionScope.breakLabel, from: scope.firstJump, seeing: 0) }
    function.labels.removeSubrange(scope.firstLabel...)
    for index in scope.firstJump..<function.jumps.count {
      function.jumps[index].variableCount = min(function.jumps[index].variableCount, scope.firstVariable)
    }
    guard function.scopes.isEmpty else { return }
    if let jump = function.jumps.first { throw unsolved(jump) }
    functions.removeLast()
  }

  private func unsolved(_ jump: LuaFunctionScope.Jump) -> LuaSyntaxError {
    let isBreak = jump.name.text == LuaFunctionScope.breakLabel
    let what = isBreak ? "break outside a loop" : "no visible label '\(jump.name.text)' for goto"
    return error(what, at: jump.name.range.lowerBound)
  }

  // MARK: - Jumps

  mutating func jump(to name: LuaName) {
    if function.labels.contains(where: { $0.name == name.text }) { return }
    function.jumps.append(LuaFunctionScope.Jump(name: name, variableCount: function.active.count))
  }

  /// - Parameter isLast: nothing but other labels follows in its block, so that the block's variables are out of sight.
  mutating func addLabel(_ name: LuaName, isLast: Bool) throws(LuaSyntaxError) {
    if let old = function.labels.first(where: { $0.name == name.text }) {
      throw error("label '\(name.text)' already defined on line \(old.line)", at: name.range.lowerBound)
    }
    function.labels.append(
      LuaFunctionScope.Label(name: name.text, line: source.line(at: name.range.lowerBound)))
    guard let scope = function.scopes.last else { return }
    let seen = isLast ? scope.firstVariable : function.active.count
    try solveJumps(to: name.text, from: scope.firstJump, seeing: seen)
  }

  private mutating func solveJumps(to name: String, from first: Int, seeing count: Int) throws(LuaSyntaxError) {
    let found = function.jumps[first...].filter { $0.name.text == name }
    if let jump = found.first(where: { $0.variableCount < count }) {
      let variable = variables[function.active[jump.variableCount]].name
      throw error(
        "<goto \(name)> jumps into the scope of local '\(variable)'", at: jump.name.range.lowerBound)
    }
    let rest = function.jumps[first...].filter { $0.name.text != name }
    function.jumps.replaceSubrange(first..., with: rest)
  }
}
