import LuaRuntime
import Testing

@testable import PolicyTools

/// Runs a chunk that returns a function, and this function with some inputs; what came of it, and what `t` saw.
private struct Run: Equatable {
  var outcomes: [String] = []
  var trace: [String] = []

  /// - Parameter probe: told the number of each probe.
  init(_ text: String, probe: ((Int) -> Void)? = nil) throws {
    let state = try LuaState(.policy)
    var seen: [String] = []
    if let probe {
      try state.register(Instrumented.probeName) { arguments in
        probe(Int(arguments.first?.number ?? -1))
        return []
      }
    }
    try state.register("t") { arguments in
      seen.append("\(arguments)")
      switch seen.count % 5 {
      case 0: return []
      case 1: return [.boolean(false)]
      case 2: return arguments + [.text("more")]
      default: return arguments
      }
    }
    try state.setGlobal("run", state.load(text, name: "p.lua"))
    for input in Self.inputs {
      do {
        let call = try state.load("local f = run() return f(\(input))", name: "call")
        outcomes.append("\(try state.call(call, deadline: .seconds(2)))")
      } catch { outcomes.append("\(error)") }
    }
    trace = seen
  }

  private static let inputs = ["{}", "{x = 1}", "{x = 2, y = 3}, 1, 2", "{x = false, z = {w = 4}}, nil, 3"]
}

@Test(arguments: 0..<8)
func instrumentedProgramsDoTheSameInTheSameOrder(part: Int) throws {
  var reported = 0
  for seed in 0..<80 {
    var program = RandomProgram(seed: UInt64(part * 1000 + seed))
    let text = program.text()
    let instrumented = try Instrumented(AuthorFile(path: "p.lua", text: text))
    #expect(instrumented.text.split(separator: "\n").count == text.split(separator: "\n").count)
    let plain = try Run(text)
    let probed = try Run(instrumented.text) { _ in reported += 1 }
    #expect(
      probed.outcomes == plain.outcomes && probed.trace == plain.trace,
      "seed \(part * 1000 + seed)\n\(text)\n---\n\(instrumented.text)")
  }
  #expect(reported > 1000)
}

@Test func allFilesAndSamplesCanBeInstrumented() throws {
  let state = try LuaState(.kernel)
  for text in LuaSamples.valid + LuaSamples.files().map(\.text) {
    let instrumented = try Instrumented(AuthorFile(path: "s.lua", text: text))
    #expect(throws: Never.self, "\(instrumented.text)") { try state.load(instrumented.text, name: "s.lua") }
  }
}

private func coverage(_ text: String, _ calls: [String]) throws -> LuaCoverage {
  let instrumented = try Instrumented(AuthorFile(path: "c.lua", text: text))
  let state = try LuaState(.policy)
  var coverage = LuaCoverage(instrumented)
  try state.register(Instrumented.probeName) { arguments in
    coverage.hit(Int(arguments.first?.number ?? -1))
    return []
  }
  try state.setGlobal("f", state.module(state.load(instrumented.text, name: "c.lua")).function("f")!)
  for call in calls { try state.call(state.load(call, name: "call")) }
  return coverage
}

private let counted = """
  return { f = function(a, list)
    if a then
      a = a + 1
    elseif list and #list == 0 then
      return 1
    end
    for _, x in ipairs(list or {}) do
      a = x
    end
    return a
  end }
  """

@Test func linesAndBothOutcomesOfBranchesAreCounted() throws {
  let some = try coverage(counted, ["f(1)", "f(2, {5, 6})"])
  #expect(some.lines.map(\.number) == [1, 2, 3, 5, 7, 8, 10])
  #expect(some.lines.map(\.hits) == [1, 2, 2, 0, 2, 2, 2])
  #expect(some.lineRatio == 6.0 / 7)
  #expect(
    some.branches.map { "\($0.branch.kind) \($0.whenTrue)/\($0.whenFalse)" } == [
      "if 2/0", "elseif 0/0", "and 0/0", "for 2/1", "or 1/1",
    ])
  #expect(some.branchRatio == 0.5)
  #expect(some.branches[0].missing == ["the condition 'a' was never false"])
  #expect(
    some.branches[2].missing == [
      "the left side of 'and', 'list', was never true", "the left side of 'and', 'list', was never false",
    ])
  #expect(some.branches[3].branch.position.line == 7)
  let all = try coverage(counted, ["f(1)", "f(2, {5, 6})", "f(nil, {})", "f()"])
  #expect(all.lineRatio == 1)
  #expect(all.branchRatio == 1)
  #expect(all.branches.flatMap(\.missing) == [])
}

@Test func aConditionThatIsConstantIsNoBranch() throws {
  let none = try coverage("return { f = function() while true do if true then return 1 or 2 end end end }", ["f()"])
  #expect(none.branches.isEmpty)
  #expect(none.branchRatio == 1)
}

@Test func countsAdd() throws {
  var one = try coverage(counted, ["f(1)"])
  one.add(try coverage(counted, ["f(nil, {})", "f(nil, {1})"]))
  #expect(one.branches[0].whenTrue == 1 && one.branches[0].whenFalse == 2)
  #expect(one.branchRatio > 0.8)
}
