// Swift functions that scripts call.

import LuaRuntime
import Testing

private struct Refusal: Error, CustomStringConvertible {
  var description: String { "no such kernel" }
}

@Suite struct CallbackTests {
  let state: LuaState

  init() throws { state = try LuaState(.kernel) }

  @Test func argumentsAndResults() throws {
    try state.register("host.sum") { arguments in [.integer(arguments.compactMap(\.integer).reduce(0, +))] }
    #expect(try state.run("return host.sum(1, 2, 3)") == [6])
    try state.register("host.swap") { Array($0.reversed()) }
    #expect(try state.run("return host.swap(1, {2}, nil)") == [.nil, .sequence([2]), 1])
  }

  @Test func thrownErrorsHavePositionAndTraceback() throws {
    try state.register("host.stop") { _ in throw Refusal() }
    let error = try #require(
      state.failure(
        of: """
          local function helper()
            host.stop("x")
          end
          helper()
          """))
    #expect(error.message == "test:2: no such kernel")
    #expect(error.traceback.contains("[C]: in function 'stop'") || error.traceback.contains("'host.stop'"))
    #expect(error.traceback.contains("test:2: in local 'helper'"))
    #expect(try state.run("return pcall(host.stop)")[1].text?.hasSuffix("no such kernel") == true)
  }

  @Test func thrownValuesKeepTheirKind() throws {
    try state.register("fail") { _ in throw LuaError(.runtime, "coded", value: .record(["code": 42])) }
    #expect(try state.run("local ok, e = pcall(fail) return ok, e.code") == [false, 42])
    #expect(state.failure(of: "fail()")?.value["code"] == 42)
  }

  @Test func callsNest() throws {
    let double = try state.load("return 2 * ...", name: "double")
    unowned let inner = state
    try state.register("double") { try inner.call(double, $0) }
    #expect(try state.run("return double(double(5))") == [20])
    #expect(try state.run("return coroutine.wrap(function() return double(4) end)()") == [8])
    let broken = try state.load("error('inner')", name: "broken")
    try state.register("broken") { try inner.call(broken, $0) }
    #expect(state.failure(of: "broken()")?.message == "test:1: broken:1: inner")
  }

  @Test func callbacksInCoroutines() throws {
    try state.register("add") { [.integer(($0[0].integer ?? 0) + 1)] }
    let source = """
      local co = coroutine.wrap(function()
        for i = 1, 3 do coroutine.yield(add(i)) end
      end)
      return co(), co(), co()
      """
    #expect(try state.run(source) == [2, 3, 4])
  }

  @Test func endlessRecursionThroughSwiftIsAnError() throws {
    unowned let inner = state
    try state.register("again") { _ in try inner.call(inner.function("again")) }
    #expect(state.failure(of: "again()")?.message.contains("stack overflow") == true)
    #expect(try state.run("return 1") == [1])
  }

  @Test func manyErrorsLeaveNothingBehind() throws {
    final class Token {}
    weak var last: Token?
    try state.register("fail") { _ in
      let token = Token()
      last = token
      throw Refusal()
    }
    try state.run("for _ = 1, 1000 do pcall(fail) end")
    #expect(last == nil)
  }
}
