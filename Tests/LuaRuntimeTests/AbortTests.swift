// Deadlines and interrupts: nothing that a script does keeps it running.

import LuaRuntime
import Testing

@Suite struct AbortTests {
  /// Scripts that try to outlive an abort with the full library at hand.
  static let stubborn = [
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "local co = coroutine.wrap(function() while true do end end) while true do pcall(co) end",
    "while true do local c = coroutine.create(function() while true do end end) coroutine.resume(c) end",
    "local t <close> = setmetatable({}, {__close = function() while true do end end}) while true do end",
    "local t <close> = setmetatable({}, {__close = coroutine.wrap(function() while true do end end)}) while true do end",
    "local function f() return pcall(f) end while true do f() end",
    "setmetatable(_G, {__index = function(t, k) while true do end end}) return undefined_name",
    "table.sort({1, 2, 3, 4}, function() while true do end end)",
    "string.gsub('x', '.', function() while true do end end)",
    "while true do load(function() while true do end end) end",
    "while true do debug.sethook() end",
    "debug.sethook(function() while true do end end, '', 1) while true do end",
    "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) coroutine.yield() end) coroutine.resume(c) coroutine.close(c)",
    "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "for i = 1, 20 do local c = coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end) pcall(c) end",
    "setmetatable({}, {__gc = function() while true do end end}) while true do collectgarbage() end",
    "goto a ::b:: goto a ::a:: goto b",
    "while true do coroutine.wrap(function() coroutine.yield() end)() end",
  ]

  @Test(arguments: stubborn)
  func deadlinesHold(_ source: String) throws {
    let state = try LuaState(.kernel)
    let start = ContinuousClock.now
    let error = try #require(state.failure(of: source, deadline: .milliseconds(20)))
    #expect(error.kind == .deadline)
    #expect(error.message.hasSuffix("ran past its deadline"))
    #expect(ContinuousClock.now - start < .milliseconds(520))
    #expect(try state.run("return 1 + 1") == [2])
  }

  @Test func anAbortSaysWhere() throws {
    let state = try LuaState(.kernel)
    let error = try #require(state.failure(of: "local x = 1\nwhile true do end", deadline: .milliseconds(200)))
    #expect(error.message == "test:2: ran past its deadline")
    #expect(error.traceback.contains("test:2: in main chunk"))
  }

  @Test func callsThatEndInTimeAreLeftAlone() throws {
    let state = try LuaState(.kernel)
    let quick = try state.load("local n = 0 for i = 1, 100 do n = n + i end return n", name: "quick")
    for _ in 0..<20_000 { #expect(try state.call(quick, deadline: .seconds(10)) == [5050]) }
  }

  @Test func aLateAbortDoesNotHitTheNextCall() throws {
    let state = try LuaState(.kernel)
    // Loops of growing length: some end long before their deadline, some just before or after, some are aborted.
    let slow = try state.load("for i = 1, ... do end return true", name: "slow")
    let quick = try state.load("for i = 1, 1000 do end return true", name: "quick")
    var aborted = 0
    for attempt in 0..<500 {
      do { try state.call(slow, [.integer(Int64(attempt) * 1000)], deadline: .microseconds(500)) } catch {
        aborted += 1
      }
      #expect(try state.call(quick) == [true])
    }
    #expect(aborted > 0)
  }

  @Test(arguments: stubborn.prefix(6))
  func interruptsFromAnotherThread(_ source: String) async throws {
    let error = try await withCheckedThrowingContinuation { continuation in
      do {
        try LuaThread.start(name: "test-lua") {
          continuation.resume(with: Result { try Self.interruptOnceItRuns(source) })
        }
      } catch {
        continuation.resume(throwing: error)
      }
    }
    #expect(error?.kind == .interrupted)
    #expect(error?.message.hasSuffix("interrupted") == true)
  }

  private static func interruptOnceItRuns(_ source: String) throws -> LuaError? {
    let state = try LuaState(.kernel)
    let interrupter = state.interrupter
    try state.register("ready") { _ in
      try LuaThread.start(name: "test-stop") { interrupter.interrupt() }
      return []
    }
    let error = state.failure(of: "ready() " + source)
    #expect(try state.run("return 1") == [1])
    return error
  }

  @Test func anInterrupterOfNothing() throws {
    var state: LuaState? = try LuaState(.kernel)
    let interrupter = try #require(state?.interrupter)
    #expect(!interrupter.interrupt())
    #expect(try state?.run("return 1") == [1])
    state = nil
    #expect(!interrupter.interrupt())
  }

  @Test func aDeadlineCoversCallbacks() throws {
    let state = try LuaState(.kernel)
    unowned let inner = state
    try state.register("wait") { _ in
      while !inner.isInterrupted {}
      return ["never seen"]
    }
    #expect(state.failure(of: "pcall(wait)", deadline: .milliseconds(5))?.kind == .deadline)
    let endless = try state.load("while true do end", name: "endless")
    try state.register("spin") { try inner.call(endless, $0) }
    #expect(state.failure(of: "pcall(spin)", deadline: .milliseconds(5))?.kind == .deadline)
  }
}
