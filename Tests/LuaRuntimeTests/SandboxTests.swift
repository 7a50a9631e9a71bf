// What a policy finds in its sandbox: what is missing, what is deterministic, and that the rest works as Lua's own.

import LuaRuntime
import Testing

@Suite struct SandboxTests {
  let state: LuaState

  init() throws { state = try LuaState(.policy) }

  @Test(arguments: [
    "io", "os", "debug", "package", "require", "load", "loadfile", "loadstring", "dofile", "collectgarbage", "rawset",
    "next", "warn", "string.dump", "math.randomseed",
  ])
  func isAbsent(_ name: String) throws {
    #expect(try state.run("return \(name)") == [.nil])
  }

  @Test func pairsGoInTheOrderOfKeys() throws {
    let source = """
      local t, keys = {}, {}
      for _, k in ipairs{"b", "a", 10, 2, 1.5, "B", true, false, "", "aa", -1} do t[k] = k end
      for k, v in pairs(t) do assert(k == v or k == false) keys[#keys + 1] = tostring(k) end
      return table.concat(keys, " ")
      """
    #expect(try state.run(source) == ["-1 1.5 2 10  B a aa b false true"])
  }

  @Test func pairsBearChangesWhileTheyRun() throws {
    #expect(
      try state.run(
        """
        local t, seen = {a = 1, b = 2, c = 3}, ""
        for k in pairs(t) do seen = seen .. k t.b = nil t.d = 4 end
        return seen
        """) == ["ac"])
    #expect(
      try state.run(
        "for k, v in pairs(setmetatable({}, {__pairs = function() return function(_, k) if not k then return 1, 2 end end end})) do return k, v end"
      ) == [1, 2])
    #expect(state.failure(of: "for k in pairs({[{}] = 1}) do end")?.message.contains("no order") == true)
  }

  @Test func nothingShowsAnAddress() throws {
    let source = """
      local a, b = {}, {}
      return tostring(a), tostring(b), tostring(a), string.format("%s %5.1f %%s %s", b, 1, a), tostring(pairs)
      """
    let expected: [LuaValue] = ["table: 1", "table: 2", "table: 1", "table: 2   1.0 %s table: 1", "function: 3"]
    #expect(try state.run(source) == expected)
    #expect(state.failure(of: "return string.format('%p', {})") != nil)
    #expect(try state.run("return tostring(setmetatable({}, {__tostring = function() return 'x' end}))") == ["x"])
    #expect(
      try state.run("return tostring(1), tostring(1.5), tostring(nil), tostring('a')") == ["1", "1.5", "nil", "a"])
  }

  @Test func printAndLogGoToTheHost() throws {
    var written: [String] = []
    try state.run("print('nobody listens')")
    state.setOutput { _, bytes in written.append(String(decoding: bytes, as: UTF8.self)) }
    try state.run("log('a', 1, {}) print(nil)")
    #expect(written == ["a\t1\ttable: 1\n", "nil\n"])
  }

  @Test func randomIsTheHosts() throws {
    let draw = try state.load("return math.random(), math.random(6), math.random(-5, 5), math.random(0)", name: "draw")
    state.seedRandom(7)
    let first = try state.call(draw)
    state.seedRandom(7)
    #expect(try state.call(draw) == first)
    #expect(try state.call(draw) != first)
    let other = try LuaState(LuaConfiguration(library: .sandboxed, seed: 7))
    let draws = try other.call(
      other.load("return math.random(), math.random(6), math.random(-5, 5), math.random(0)", name: "draw"))
    #expect(draws == first)
    let spread = try state.run(
      """
      local seen, n = {}, 0
      for _ = 1, 1000 do
        local r, f = math.random(3, 7), math.random()
        assert(r >= 3 and r <= 7 and f >= 0 and f < 1)
        if not seen[r] then seen[r] = true n = n + 1 end
      end
      return n, math.random(math.mininteger, math.maxinteger) ~= nil, pcall(math.random, 2, 1)
      """)
    #expect(spread.prefix(3) == [5, true, false])
  }

  @Test func librariesAndGlobalsCannotBeChanged() throws {
    for source in [
      "string.rep = nil", "table.x = 1", "rawset(_G, 'x', 1)", "setmetatable(_G, {})", "setmetatable(string, {})",
      "getmetatable('').__index = nil", "setmetatable('', {})", "coroutine.wrap = nil", "math.pi = 3",
    ] { #expect(state.failure(of: source) != nil) }
    try state.run("function helper() return 1 end answer = 42")
    state.freezeGlobals()
    #expect(try state.run("return helper(), answer, _G.answer") == [1, 42, 42])
    for source in ["answer = 1", "new = 1", "_G.answer = 1", "pairs = nil", "function helper() end"] {
      #expect(state.failure(of: source)?.message.contains("cannot be set") == true)
    }
    #expect(try state.run("return helper(), answer") == [1, 42])
    #expect(try state.run("local n = 0 for k in pairs(_G) do n = n + 1 end return n > 20, #string") == [true, 0])
  }

  @Test func metatables() throws {
    let source = """
      local Class = {} Class.__index = Class
      function Class.new(x) return setmetatable({x = x}, Class) end
      function Class:get() return self.x end
      return Class.new(5):get(), getmetatable(Class.new(1)) == Class
      """
    #expect(try state.run(source) == [5, true])
    #expect(state.failure(of: "setmetatable({}, {__gc = function() end})") != nil)
    #expect(state.failure(of: "setmetatable({}, {__mode = 'k'})") != nil)
  }

  @Test func tableFunctionsAreLuas() throws {
    let source = """
      local function list(t) return table.concat(t, ",") end
      local t = {3, 1, 2}
      table.insert(t, 5) table.insert(t, 1, 9)
      assert(list(t) == "9,3,1,2,5")
      assert(table.remove(t) == 5 and table.remove(t, 1) == 9 and list(t) == "3,1,2")
      assert(table.remove({}) == nil and table.remove({}, 0) == nil and table.remove({1}, 2) == nil)
      assert(not pcall(table.remove, {1}, 3) and not pcall(table.insert, {1}, 5, 0) and not pcall(table.insert, {}))
      table.sort(t) assert(list(t) == "1,2,3")
      table.sort(t, function(a, b) return a > b end) assert(list(t) == "3,2,1")
      local words = {"pear", "fig", "apple"} table.sort(words) assert(list(words) == "apple,fig,pear")
      assert(list(table.move({1, 2, 3}, 1, 3, 2)) == "1,1,2,3" and list(table.move({1, 2, 3}, 2, 3, 1)) == "2,3,3")
      assert(list(table.move({1, 2}, 1, 2, 1, {})) == "1,2" and table.concat({1, 2, 3}, "-", 2, 3) == "2-3")
      assert(table.concat({}) == "" and not pcall(table.concat, {{}}) and select("#", table.unpack({1, nil, 3}, 1, 3)) == 3)
      local big = {} for i = 1, 1000 do big[i] = (i * 7919) % 1009 end
      table.sort(big) for i = 2, 1000 do assert(big[i - 1] <= big[i]) end
      assert(not pcall(table.sort, {1, "x"}) and not pcall(table.sort, {1, 2}, 5))
      table.sort(big, function() return true end) table.sort(big, function() return false end)
      return true
      """
    #expect(try state.run(source) == [true])
  }
}
