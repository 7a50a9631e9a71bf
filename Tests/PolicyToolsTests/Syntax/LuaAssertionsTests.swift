import LuaRuntime
import Testing

@testable import PolicyTools

private let tests = """
  local answer = { use = "a", list = { 1, 2 } }
  local i = 2
  expect(answer.use == "b")
  expect(answer.list[i] + helper(answer.use)):to_be(missing.field, i)
  local same = assert(answer, "no answer")
  if expect(math.max(i, 1) > 1 and answer:method(#answer.list)) then expect(function() return i end) end
  """

@Test func assertionsKnowTheirTextAndTheVariablesInThem() throws {
  let found = try LuaAssertions(AuthorFile(path: "x.test.lua", text: tests)).assertions
  #expect(
    found.map(\.text) == [
      "expect(answer.use == \"b\")", "expect(answer.list[i] + helper(answer.use)):to_be(missing.field, i)",
      "assert(answer, \"no answer\")", "expect(math.max(i, 1) > 1 and answer:method(#answer.list))",
      "expect(function() return i end)",
    ])
  #expect(found.map(\.position.line) == [3, 4, 5, 6, 6])
  #expect(found[1].subject == "answer.list[i] + helper(answer.use)")
  #expect(
    found.map(\.values) == [
      ["answer.use"], ["answer.list[i]", "i", "answer.use", "missing.field"], ["answer"],
      ["i", "answer", "answer.list"], [],
    ])
}

@Test func aHostIsToldEachAssertionAndCanAskForTheValues() throws {
  let assertions = try LuaAssertions(AuthorFile(path: "x.test.lua", text: tests))
  let state = try LuaState(.kernel)
  let harness = """
    seen = {}
    function __site(number, reader, f)
      return function(...)
        for i = 1, 9 do
          local ok, value = pcall(reader, i)
          if not ok or value ~= nil then seen[#seen + 1] = number .. ":" .. i .. "=" .. tostring(value) end
        end
        return f(...)
      end
    end
    function expect(x) return { to_be = function() end } end
    function helper() return 0 end
    missing = nil
    """
  try state.call(state.load(harness, name: "harness"))
  #expect(throws: LuaError.self) { try state.call(state.load(assertions.text, name: "x.test.lua")) }
  let seen = try state.call(state.load("return table.concat(seen, ' ', 1, 4)", name: "seen"))
  #expect(seen.first?.text == "0:1=a 1:1=2 1:2=2 1:3=a")
}
