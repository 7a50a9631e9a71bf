// Policies that fail: nobody waits for them, and the fleet goes on.

import FleetEngine
import LuaRuntime
import PolicyHost
import Testing

@Suite struct ContainmentTests {
  let directory: PolicyDirectory

  init() throws { directory = try PolicyDirectory() }

  @Test(arguments: [
    "while true do end", "while true do pcall(function() while true do end end) end",
    "return ('a'):rep(50000):find('(a*)*b')", "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end", "local function f() return 1 + f() end return f()",
  ])
  func aPolicyThatLoopsOrHogsIsStopped(_ body: String) async throws {
    let budget = PolicyBudget(route: .milliseconds(20), grace: .milliseconds(50))
    let host = try directory.host(route: "if request.owner then return {use = 'fine'} end \(body)", budget: budget)
    for _ in 0..<3 {
      let answer = await host.decide()
      #expect(answer.answer == nil && answer.failure != nil)
      // The same state answers the next question, unless this machine was too busy for its deadline.
      for _ in 0..<20 where await host.decide(Requirements(owner: "me")).route == .use("fine") { return }
    }
    Issue.record("it never answered again")
  }

  @Test func deadlinesSayWhere() async throws {
    let budget = PolicyBudget(route: .milliseconds(5), grace: .seconds(30))
    let host = try directory.host(route: "\n while true do end", budget: budget)
    #expect(await host.decide().failure == "test.lua:4: ran past its deadline of 5.0 ms")
  }

  @Test func fiveFailuresInARowSetAPolicyAsideUntilItChanges() async throws {
    let log = Log()
    let host = try directory.host(
      route: "if request.owner then return {use = 'a'} end error('oh')", budget: patient, log: log)
    for _ in 1...4 { #expect(await host.decide().failure == "test.lua:3: oh") }
    #expect(await host.decide(Requirements(owner: "me")).route == .use("a"))
    for _ in 1...5 { #expect(await host.decide().failure == "test.lua:3: oh") }
    #expect(host.summaries()[0].state == "set aside")
    let refused = await host.decide(Requirements(owner: "me"))
    #expect(refused.failure?.contains("set aside after 5 failures in a row") == true)
    #expect(refused.failure?.hasSuffix("the last: test.lua:3: oh") == true)
    host.apply([.put(row(1))])
    try directory.write("test.lua", "return {route = function(r, fleet) return {use = fleet:first().id} end}")
    var answer = await host.decide()
    while answer.answer == nil { answer = await host.decide() }
    #expect(answer.route == .use("kernel-00000001"))
    #expect(host.summaries()[0].state == "active")
  }

  @Test(arguments: [
    ("return {", "syntax"), ("return 5", "what the file returned is a number value"),
    ("return {}", "has no function 'route'"),
    ("return {route = 5}", "'route' is a number value"), ("error('at load')", "test.lua:1: at load"),
    ("while true do end", "ran past its deadline"), ("x = io.open('/etc/passwd')", "attempt to index a nil value"),
    ("\u{1B}Lua", "attempt to load a binary chunk"),
  ])
  func aBrokenFileIsToldAndTriedAgain(_ text: String, _ complaint: String) async throws {
    let log = Log()
    let file = try directory.write("test.lua", text)
    let host = PolicyHost(
      route: [file], budget: PolicyBudget(route: .seconds(5), load: .milliseconds(300), grace: .seconds(30)),
      log: log.take)
    let summary = host.summaries()[0]
    #expect(summary.state == "broken")
    let told = complaint == "syntax" ? "unexpected symbol" : complaint
    #expect(summary.lastError?.contains(told) == true, "\(summary.lastError ?? "")")
    #expect(log.fromHost.count == 1)
    #expect(await host.decide().failure?.contains(told) == true)
    try directory.write("test.lua", "return {route = function() return {use = 'well'} end}")
    var answer = await host.decide()
    while answer.answer == nil { answer = await host.decide() }
    #expect(answer.route == .use("well"))
  }

  /// Nothing in a sandbox outlives its deadline, so that a log which blocks stands for a C function that does.
  @Test func aThreadThatDoesNotComeBackIsGivenUp() async throws {
    let gate = LuaEvent()
    let log = Log()
    let file = try directory.write(
      "test.lua",
      "return {route = function(r, fleet) if r.owner then log('stuck') end return {use = fleet:first().id} end}")
    let host = PolicyHost(route: [file], budget: PolicyBudget(route: .milliseconds(20), grace: .milliseconds(10))) {
      if $0.isFromHost { log.take($0) } else { gate.wait() }
    }
    host.apply([.put(row(7))])
    // On a busy machine its thread may not even have begun: then the question is answered and forgotten.
    while log.fromHost.isEmpty {
      let answer = await host.decide(Requirements(owner: "me"))
      #expect(answer.answer == nil)
      #expect(["within 30 ms", "within 130 ms"].contains { answer.failure?.hasSuffix($0) == true })
    }
    #expect(log.fromHost == ["it did not come back within 30 ms; its state is given up"])
    #expect(host.summaries()[0].lastError == "it did not come back within 30 ms")
    // A new state, on a new thread, has the rows of the old one.
    var next = await host.decide()
    while next.answer == nil { next = await host.decide() }
    #expect(next.route == .use("kernel-00000007"))
    gate.signal()
  }

  @Test func questionsThatWaitBehindAStuckOneAreAnswered() async throws {
    let gate = LuaEvent()
    let file = try directory.write(
      "test.lua", "return {route = function(r) if r.owner then log('stuck') end return {use = 'x'} end}")
    let host = PolicyHost(route: [file], budget: PolicyBudget(route: .milliseconds(20), grace: .milliseconds(10))) {
      if !$0.isFromHost { gate.wait() }
    }
    let answers = await withTaskGroup { group in
      group.addTask { await host.decide(Requirements(owner: "me")) }
      for _ in 0..<20 { group.addTask { await host.decide() } }
      return await group.reduce(into: [PolicyAnswer]()) { $0.append($1) }
    }
    #expect(answers.count == 21)
    gate.signal()
  }
}
