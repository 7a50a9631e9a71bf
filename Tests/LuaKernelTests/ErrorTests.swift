// Errors as clients see them: where, with the source, and whatever is raised, wherever. None ends the kernel.
import JSON
import JupyterProtocol
import LuaRuntime
import Testing

@testable import LuaKernel

@Suite struct ErrorTests {
  @Test func tellWhere() throws {
    try withKernel { _, client throws in
      let shown = try client.show("local function f()\n  error('boom')\nend\nf()")
      let error = try #require(shown.error)
      #expect(error.name == "RuntimeError")
      #expect(error.value == "cell 1:2: boom")
      #expect(
        error.traceback == [
          "RuntimeError: cell 1:2: boom", "stack traceback:", "\t[C]: in function 'error'",
          "\tcell 1:2: in local 'f'", "\t  2 | error('boom')", "\tcell 1:4: in main chunk", "\t  4 | f()",
        ])
      #expect(shown.errors == [error])
    }
  }

  @Test func ofSyntaxShowTheLine() throws {
    try withKernel { _, client throws in
      let open = try #require(try client.show("x = 1\nf(").error)
      #expect(open.name == "SyntaxError")
      #expect(
        open.traceback == ["SyntaxError: cell 1:2: unexpected symbol near <eof>", "\t  2 | f("])
      #expect(try client.show("x = = 1").error?.value == "cell 2:1: unexpected symbol near '='")
      #expect(try client.show("goto nowhere").error?.name == "SyntaxError")
    }
  }

  @Test func showTheSourceOfEarlierCells() throws {
    try withKernel { _, client throws in
      _ = try client.show("function fail()\n  local x = nil + 1\nend")
      let error = try #require(try client.show("local y = fail()").error)
      #expect(error.value.hasPrefix("cell 1:2: attempt to perform arithmetic on a nil value"))
      #expect(error.traceback.contains("\t  2 | local x = nil + 1"))
      #expect(error.traceback.last == "\t  1 | local y = fail()")
      var silent = ExecuteRequest("error('quiet')")
      silent.silent = true
      #expect(try client.show(silent).error?.traceback.last == "\t  1 | error('quiet')")
    }
  }

  @Test func mayBeAnyValue() throws {
    try withKernel { _, client throws in
      #expect(try client.show("error({code = 1})").error?.value == "{ code = 1 }")
      #expect(try client.show("error()").error?.value == "nil")
      #expect(try client.show("error(7)").error?.value == "7")
      #expect(try client.show("error(print)").error?.value == "(error object is a function value)")
      #expect(
        try client.show("error(setmetatable({}, {__tostring = function() return 'mine' end}))").error?.value == "mine")
      #expect(try client.show("error(setmetatable({}, {__tostring = error}))").error != nil)
      #expect(try client.show("local t = {} t.t = t error(t)").error != nil)
      #expect(try client.show("error('')").error != nil)
      #expect(try client.show("error('a\\nb:1: c\\xff')").error != nil)
      #expect(try client.value("1") == "1")
    }
  }

  @Test func ofExhaustionAreSurvived() throws {
    try withKernel { _, client throws in
      let deep = try #require(try client.show("local function f() return 1 + f() end f()").error)
      #expect(deep.value.contains("stack overflow"))
      #expect(deep.traceback.count < 60)
      let nested = try client.show(
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 'x'] end print(t.x)")
      #expect(nested.error?.value.contains("overflow") == true)
      #expect(try client.show("string.rep('x', 100):gsub('.', function() return (nil)() end)").error != nil)
      let huge = try client.show("return ('x'):rep(1 << 47)").error
      #expect(huge?.value == "cell 4:1: resulting string too large")
      let brackets = try client.show(String(repeating: "(", count: 5000)).error
      #expect(brackets?.value.contains("C stack overflow") == true)
      #expect(try client.value("'alive'") == "alive")
    }
  }

  @Test func inCoroutinesFinalizersAndClosedVariables() throws {
    try withKernel { _, client throws in
      let wrapped = try #require(try client.show("\nlocal f = coroutine.wrap(function()\n error('in') end)\nf()").error)
      #expect(wrapped.value == "cell 1:4: cell 1:3: in")
      #expect(wrapped.traceback.contains("\t  3 | error('in') end)"))
      #expect(try client.value("coroutine.resume(coroutine.create(error), 'x')") == "false\tx")
      _ = try client.show("setmetatable({}, {__gc = function() error('gc') end}) collectgarbage() collectgarbage()")
      #expect(try client.value("'alive'") == "alive")
      let closed = try client.show("local x <close> = setmetatable({}, {__close = function() error('close') end})")
      #expect(closed.error?.value == "cell 5:1: close")
      let both = try client.show(
        "local x <close> = setmetatable({}, {__close = function() error('second') end}) error('first')")
      #expect(both.error?.value == "cell 6:1: second")
    }
  }

  @Test func reportWithoutSources() {
    let error = LuaError(
      .runtime, "a:b.lua:12: no", traceback: "stack traceback:\n\ta:b.lua:12: in main chunk\n\t[C]: in ?")
    let report = ErrorReport(error) { $0 == "a:b.lua" ? String(repeating: "\n", count: 11) + "  no()" : nil }
    #expect(
      report.traceback == [
        "RuntimeError: a:b.lua:12: no", "stack traceback:", "\ta:b.lua:12: in main chunk", "\t  12 | no()",
      ])
    #expect(ErrorReport(LuaError(.memory, "not enough memory")).traceback == ["MemoryError: not enough memory"])
    #expect(ErrorReport(LuaError(.runtime, "no position: 3")).traceback == ["RuntimeError: no position: 3"])
    #expect(ErrorReport(LuaError(.runtime, "x:99999999999999999999: y")).value == "x:99999999999999999999: y")
  }
}
