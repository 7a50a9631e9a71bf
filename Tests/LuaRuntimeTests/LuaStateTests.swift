// Values, functions, globals, errors: what a state does for its host.

import LuaRuntime
import Testing

@Suite struct LuaStateTests {
  let state: LuaState

  init() throws { state = try LuaState(.kernel) }

  @Test(arguments: [
    LuaValue.nil, true, false, 0, -7, .integer(.max), .integer(.min), 1.5, .number(.infinity), "", "text",
    .string([0, 255, 10]), .sequence([1, "two", false]), .record(["a": 1, "b": .record(["c": "d"])]),
    .table(LuaTable(array: [1], pairs: [LuaTable.Pair(1.5, "x"), LuaTable.Pair(true, .sequence([]))])),
  ])
  func valuesComeBackAsTheyWent(_ value: LuaValue) throws {
    let back = try #require(try state.run("return ...", [value]).first)
    guard let sent = value.table, let received = back.table else { return #expect(back == value) }
    #expect(received.array == sent.array)
    #expect(Set(received.pairs) == Set(sent.pairs))
  }

  @Test func numbersKeepTheirSubtype() throws {
    #expect(try state.run("return math.type(...)", [.number(1)]) == ["float"])
    #expect(try state.run("return 1, 1.0") == [.integer(1), .number(1)])
  }

  @Test func nilsInsideResultsAreKept() throws {
    #expect(try state.run("return nil, 1, nil") == [.nil, 1, .nil])
    #expect(try state.run("return select('#', ...)", [.nil, .nil]) == [2])
  }

  @Test func whatHasNoPlainFormIsOpaque() throws {
    let results = try state.run("local t = {} t.t = t return print, io.stdout, coroutine.create(print), t")
    #expect(results.map(\.containsOpaque) == [true, true, true, true])
    #expect(results[0] == .opaque("function"))
    #expect(results[1] == .opaque("FILE*"))
    #expect(results[3]["t"] == .opaque("table (contains itself)"))
  }

  @Test func deepAndLargeTablesAreBounded() throws {
    let deep = try state.run("local t = {} for _ = 1, 1000 do t = {t} end return t")
    #expect(deep[0].containsOpaque)
    let error = state.failure(of: "local t = {1} for _ = 1, 40 do t = {t, t} end return t")
    #expect(error?.message.contains("too much data") == true)
  }

  @Test func syntaxErrors() throws {
    let error = try #require(state.failure(of: "x = = 1"))
    #expect(error.kind == .syntax)
    #expect(error.message == "test:1: unexpected symbol near '='")
    #expect(!error.isIncomplete)
    #expect(state.failure(of: "for i = 1, 2 do")?.isIncomplete == true)
  }

  @Test func precompiledCodeIsRefused() throws {
    let code = try #require(try state.run("return string.dump(function() end)").first)
    guard case .string(let bytes) = code else { return #expect(Bool(false)) }
    #expect(throws: LuaError.self) { try state.load(bytes, name: "test") }
    #expect((try? state.load([0x1B, 0x4C, 0x75, 0x61], name: "test")) == nil)
  }

  @Test func runtimeErrorsHavePositionAndTraceback() throws {
    let error = try #require(
      state.failure(
        of: """
          local function inner() error("broken") end
          function outer() inner() end
          outer()
          """))
    #expect(error.kind == .runtime)
    #expect(error.message == "test:1: broken")
    #expect(error.traceback.hasPrefix("stack traceback:\n\t[C]: in function 'error'\n\ttest:1: in upvalue 'inner'"))
    #expect(error.traceback.hasSuffix("test:3: in main chunk"))
  }

  @Test func errorValuesOfAnyKind() throws {
    #expect(state.failure(of: "error({code = 7})")?.value["code"] == 7)
    #expect(state.failure(of: "error({code = 7})")?.message == "(error object is a table value)")
    #expect(state.failure(of: "error(nil)")?.value == .nil)
    #expect(
      state.failure(of: "error(setmetatable({}, {__tostring = function() return 'mine' end}))")?.message == "mine")
    let nasty = "error(setmetatable({}, {__tostring = function() error('again') end}))"
    #expect(state.failure(of: nasty)?.message == "(error object that cannot be described)")
  }

  @Test func globalsByPath() throws {
    try state.setGlobal("a.b.c", 5)
    #expect(try state.global("a.b.c") == 5)
    #expect(try state.run("return a.b.c") == [5])
    #expect(try state.global("a.x.c") == .nil)
    #expect(try state.global("print") == .opaque("function"))
    let error = #expect(throws: LuaError.self) { try state.setGlobal("a.b.c.d", 1) }
    #expect(error?.kind == .type)
    #expect(error?.message == "cannot set 'a.b.c.d': 'c' is a number value")
    #expect(throws: LuaError.self) { try state.function("a.b.c") }
    #expect(try state.callDescribing(state.function("tostring"), [12]) == ["12"])
  }

  @Test func describing() throws {
    let function = try state.load("return 1, 'x', {}, print, nil", name: "test")
    let texts = try state.callDescribing(function)
    #expect(texts[0] == "1" && texts[1] == "x" && texts[4] == "nil")
    #expect(texts[2].hasPrefix("table: 0x") && texts[3].hasPrefix("function: "))
  }

  @Test func functionsAreReleased() throws {
    _ = try state.load("return 1", name: "test")
    try state.collectGarbage()
    let before = state.memoryInUse
    for _ in 0..<1000 { _ = try state.load("return 1", name: "test") }
    try state.collectGarbage()
    #expect(state.memoryInUse <= before + 512)
  }

  @Test func outputArrivesAsItIsWritten() throws {
    var written: [(LuaStream, String)] = []
    state.setOutput { stream, bytes in written.append((stream, String(decoding: bytes, as: UTF8.self))) }
    try state.run(
      """
      print(1, nil, setmetatable({}, {__tostring = function() print("inside") return "object" end}))
      io.write("a", 1, 2.5, "\\n")
      assert(io.stdout:write("b") == io.stdout)
      io.stderr:write("c")
      """)
    #expect(written.map(\.1) == ["inside\n", "1\tnil\tobject\n", "a12.5\n", "b", "c"])
    #expect(written.map(\.0) == [.output, .output, .output, .output, .error])
  }

  @Test func filesAreStillFiles() throws {
    state.setOutput { _, _ in Issue.record("written to the output") }
    let read = "local f = assert(io.tmpfile()) f:write('x', 1):write('y') f:seek('set') return f:read('a')"
    #expect(try state.run(read) == ["x1y"])
  }

  @Test func memoryCap() throws {
    let capped = try LuaState(LuaConfiguration(library: .full, memoryLimit: 1 << 20, contiguousLimit: 64 << 10))
    let hungry = "local t = {} for i = 1, 1e6 do t[i] = string.rep('x', 1000) .. i end"
    #expect(capped.failure(of: hungry)?.kind == .memory)
    #expect(capped.failure(of: "return #string.rep('x', 65 * 1024)")?.kind == .memory)
    #expect(try capped.run("return #string.rep('x', 63 * 1024)") == [.integer(63 * 1024)])
  }
}
