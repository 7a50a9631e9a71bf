// Lua programs made at random, which always end: for comparing a source with what was made of it.

/// Writes a chunk that returns a function of one table. `t(n)` in it records that it was evaluated, and returns its
/// argument, nil, false or several values.
struct RandomProgram {
  private var random: SeededRandom
  private var loops = 0
  private var labels = 0

  init(seed: UInt64) { random = SeededRandom(seed) }

  mutating func text() -> String {
    """
    local function f(a, ...)
      local b, c = a.x, ...
    \(block(4, inLoop: false))
      return b, c, \(expression(3))
    end
    return f
    """
  }

  private mutating func pick<Value>(_ values: [Value]) -> Value { values.randomElement(using: &random)! }

  private mutating func block(_ depth: Int, inLoop: Bool) -> String {
    var lines = (0..<Int.random(in: 0...3, using: &random)).map { _ in statement(depth, inLoop: inLoop) }
    if Int.random(in: 0..<6, using: &random) == 0 { lines.append(last(depth, inLoop: inLoop)) }
    return lines.joined(separator: pick(["\n", "\n", ";", " ; "]))
  }

  private mutating func last(_ depth: Int, inLoop: Bool) -> String {
    if inLoop, Bool.random(using: &random) { return "do break end" }
    return "do \(pick(["return \(expression(depth))", "return t(\(expression(1)))", "return (t(1, 2))", "return"])) end"
  }

  private mutating func statement(_ depth: Int, inLoop: Bool) -> String {
    guard depth > 0 else { return pick(["b = \(expression(1))", "t(b)", "local d = c", "c, b = b, c"]) }
    let inner = depth - 1
    switch Int.random(in: 0..<11, using: &random) {
    case 0: return "if(\(expression(2)))then\n\(block(inner, inLoop: inLoop))\nend"
    case 1:
      return "if \(expression(2)) then \(block(inner, inLoop: inLoop))\nelseif(t(b))then"
        + " \(block(inner, inLoop: inLoop)) else \(block(inner, inLoop: inLoop)) end"
    case 2:
      loops += 1
      let n = "n\(loops)"
      return "local \(n) = 0 while \(n) < \(Int.random(in: 0...3, using: &random)) and (\(expression(1))) do "
        + "\(n) = \(n) + 1 \(block(inner, inLoop: true))\nend"
    case 3: return "for i = 1, \(Int.random(in: 0...3, using: &random)) do b = i \(block(inner, inLoop: true)) end"
    case 4: return "for k, v in pairs(\(pick(["a", "{}", "{1, 2}"]))) do c = v\n\(block(inner, inLoop: true)) end"
    case 5: return "repeat local r = t(c) \(statement(inner, inLoop: true))\nuntil r or true"
    case 6:
      labels += 1
      let label = "l\(labels)"
      return
        "do\n for j = 1, 2 do if t(j) then goto \(label) end \(block(inner, inLoop: true))\n ::\(label):: end\nend"
    case 7: return "local function g(...) \(block(inner, inLoop: false)) return ... end c = g(b, t(c))"
    case 8: return "do local _ <const> = t(b) \(block(inner, inLoop: inLoop)) end"
    case 9: return "b = function() return \(expression(2)) end b = b()"
    default: return "t(\(expression(2)))"
    }
  }

  private mutating func expression(_ depth: Int) -> String {
    if depth == 0 {
      return pick([
        "a", "b", "c", "a.x", "a.y", "nil", "true", "false", "1", "'s'", "t(1)", "t(b)", "(t(2))", "a.z.w", "b + 1",
      ])
    }
    let inner = depth - 1
    switch Int.random(in: 0..<9, using: &random) {
    case 0, 1: return "\(expression(inner)) and \(expression(inner))"
    case 2, 3: return "\(expression(inner)) or \(expression(inner))"
    case 4: return "not \(expression(inner))"
    case 5: return "(\(expression(inner)))==\(expression(inner))"
    case 6: return "t(\(expression(inner)), \(expression(inner)))"
    case 7: return "select('#', t(\(expression(inner)) or t(3)))"
    default: return "(\(expression(inner)) or\n\(expression(inner)))"
    }
  }
}
