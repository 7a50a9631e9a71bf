// Memory runs out at every possible moment: the n-th allocation fails, for every n until the work is done. Every time
// an error comes back and the state is usable, and the address sanitizer sees no misuse and no leak.

import LuaRuntime
import Testing

@Suite struct AllocationFailureTests {
  private struct Refusal: Error, CustomStringConvertible {
    var description: String { "refused by the host, in a message that is long enough to need an allocation of its own" }
  }

  private static let guarded = """
    local out = {}
    out[#out + 1] = select("#", pcall(error, {code = 1}))
    out[#out + 1] = select(2, xpcall(function() local x = nil; x.y = 1 end, function(m) return "handled " .. m end))
    local co = coroutine.create(function(a)
      local c <close> = setmetatable({}, {__close = function() out.closed = true end})
      local b = coroutine.yield(a + 1)
      error("inside " .. b)
    end)
    out[#out + 1] = select(2, coroutine.resume(co, 1))
    out[#out + 1] = select(2, coroutine.resume(co, "x"))
    coroutine.close(co)
    for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield("v" .. i) end end) do out[#out + 1] = v end
    out[#out + 1] = select(2, pcall(coroutine.wrap(function() error("wrapped") end)))
    """

  private static let sandboxed = """
    for k, v in pairs({b = 1, a = 2, [10] = 3, [2.5] = 4, [true] = 5}) do out[#out + 1] = tostring(k) .. v end
    for k in pairs(string) do out[#out + 1] = k end
    out[#out + 1] = tostring({}) .. tostring(print) .. tostring(setmetatable({}, {__tostring = function() return "t" end}))
    out[#out + 1] = string.format("%s %5d %q %s", {}, 42, "x\\n", setmetatable({}, {__tostring = function() return "u" end}))
    out[#out + 1] = ("abc"):rep(50, "-"):gsub("(b)(c)", "%2%1"):gsub("%w", {a = "A"}):gsub("A", function(c) return c .. c end)
    out[#out + 1] = ("key = value"):match("(%w+) = ()(%w+)") .. ("key = value"):find("= (v)")
    for a, b in ("k1=v1, k2=v2"):gmatch("(%w+)=(%w+)") do out[#out + 1] = a .. b end
    local t = {"c", "a", "b"}
    table.insert(t, "e") table.insert(t, 1, "d") table.remove(t, 2)
    table.sort(t) table.sort(t, function(a, b) return a > b end)
    out[#out + 1] = table.concat(table.move(t, 1, 3, 2), ",") .. math.random(10) .. math.random()
    function global_helper() return 1 end
    """

  private static let full = """
    print("printed", {}, 1) io.write("written", 2, "\\n") io.stdout:write("again")
    package.preload.extra = function() return {1, 2} end
    out[#out + 1] = require("extra")[2]
    out[#out + 1] = load("return 1 + 1")()
    out[#out + 1] = select(2, load("x = = 1"))
    debug.sethook(function() end, "", 100) debug.sethook()
    """

  private static let hosted = """
    out[#out + 1] = host.echo("a string that is long enough to be allocated by itself, certainly", {x = {1, 2, 3}})[1]
    out[#out + 1] = select(2, pcall(host.fail, out))
    out[#out + 1] = host.nested(3)
    return out, "text", 1.5, {nested = {deep = {1, 2}}}
    """

  /// Everything that a host does with a state, once.
  private func work(_ configuration: LuaConfiguration, _ state: LuaState) throws {
    let isFull = configuration.library == .full
    state.setOutput { _, _ in }
    try state.register("host.echo") { .init([.sequence($0)]) }
    try state.register("host.fail") { _ in throw Refusal() }
    unowned let inner = state
    let double = try state.load("return (...) * 2", name: "double")
    try state.register("host.nested") { try inner.call(double, $0) }
    try state.setGlobal("settings.deep.value", .record(["a": 1, "b": .sequence(["x", "y"])]))
    _ = try state.global("settings.deep")
    try state.setGlobal("settings.double", double)
    _ = try state.callDescribing(state.function("settings.double"), [21])
    let source = [Self.guarded, isFull ? Self.full : Self.sandboxed, Self.hosted].joined(separator: "\n")
    try state.call(state.load(source, name: "work"), [1, "two"], deadline: .seconds(60))
    if (try? state.call(state.load("error({message = 'raised'})", name: "raises"))) != nil { Issue.record("no error") }
    try state.collectGarbage()
  }

  /// - Parameter atOnce: how many allocations fail from the n-th on: one or all.
  private func sweep(_ configuration: LuaConfiguration, count: UInt64) throws {
    var n: UInt64 = 1
    while true {
      let state = try LuaState(configuration)
      state.failAllocations(from: n, count: count)
      var error: LuaError?
      do { try work(configuration, state) } catch let caught as LuaError { error = caught }
      #expect(error?.message.isEmpty != true)
      let failed = state.didFailAllocation
      state.failAllocations(from: 0)
      #expect(try state.run("return 1 + 1") == [2])
      if !failed {
        #expect(error == nil)
        break
      }
      n += 1
    }
    // Less would mean that the allocator is not the one that is asked.
    #expect(n > 300)
  }

  @Test(arguments: [1, 2, .max] as [UInt64]) func everyAllocationOfASandbox(_ count: UInt64) throws {
    try sweep(.policy, count: count)
  }

  @Test(arguments: [1, 2, .max] as [UInt64]) func everyAllocationOfAFullState(_ count: UInt64) throws {
    try sweep(.kernel, count: count)
  }

  @Test(arguments: [LuaConfiguration.policy, .kernel]) func everyAllocationOfAStart(_ configuration: LuaConfiguration)
    throws
  {
    var n: UInt64 = 1
    while (try? LuaState(configuration, failingFrom: n)) == nil { n += 1 }
    #expect(n > 100)
  }
}
