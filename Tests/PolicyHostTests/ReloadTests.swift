// One version of a policy follows another while it is asked, and nothing is lost on the way.

import FleetEngine
import LuaRuntime
import PolicyHost
import Synchronization
import Testing

@Suite struct ReloadTests {
  let directory: PolicyDirectory

  init() throws { directory = try PolicyDirectory() }

  private func policy(_ answer: String) -> String { "return {route = function(request, fleet) \(answer) end}" }

  private func host(
    _ store: PolicyStore? = nil, shadows: [EntryPoint: [String]] = [:], log: Log = Log(),
    rehearsal: (@Sendable (String, [UInt8]) -> String?)? = nil
  ) -> PolicyHost {
    PolicyHost(
      paths: [.route: ["\(directory.path)/test.lua"]], shadows: shadows, budget: patient, store: store,
      rehearsal: rehearsal, log: log.take)
  }

  @Test func aSavedFileIsUsedWithoutBeingAskedFor() async throws {
    try directory.write("test.lua", policy("return {use = 'old'}"))
    let host = host()
    #expect(await host.decide().route == .use("old"))
    try directory.write("test.lua", policy("return {use = 'new'}"))
    var answer = await host.decide()
    while answer.route == .use("old") { answer = await host.decide() }
    #expect(answer.route == .use("new") && answer.failure == nil)
    #expect(answer.hash == host.summaries()[0].hash)
  }

  /// The issue's: swapped under load, no request fails, and each decision names the version that made it.
  @Test func noAnswerIsLostWhileVersionsFollowEachOther() async throws {
    var texts: [String: String] = [:]
    for n in 0..<20 {
      let text = policy("memory.n = (memory.n or 0) + 1 return {use = 'v\(n)'}, '' .. memory.n")
      texts[policyHash(of: Array(text.utf8))] = "v\(n)"
    }
    let versions = texts
    let ordered = (0..<20).map { policy("memory.n = (memory.n or 0) + 1 return {use = 'v\($0)'}, '' .. memory.n") }
    try directory.write("test.lua", ordered[0])
    let host = host()
    let isDone = Flag()
    let answers = await withTaskGroup(of: [PolicyAnswer].self) { group in
      group.addTask {
        var answers: [PolicyAnswer] = []
        while !isDone.isUp { answers.append(await host.decide()) }
        return answers
      }
      for text in ordered.dropFirst() {
        do { try directory.write("test.lua", text) } catch { Issue.record(error) }
        let outcome = await host.reload()
        #expect(outcome.count == 1 && outcome[0].problem == nil)
      }
      isDone.isUp = true
      return await group.next() ?? []
    }
    for (number, answer) in answers.enumerated() {
      #expect(answer.failure == nil)
      #expect(answer.route == answer.hash.flatMap { versions[$0] }.map { .use($0) })
      #expect(answer.reason == "\(number + 1)", "the memory goes from version to version")
    }
    #expect(host.summaries()[0].calls == answers.count && host.summaries()[0].fallbacks == 0)
  }

  @Test(arguments: ["return {", "return {route = 5}", "error('no')", "while true do end"])
  func aBadFileNeverReplacesAGoodOne(_ bad: String) async throws {
    let log = Log()
    try directory.write("test.lua", policy("return {use = 'good'}"))
    let host = PolicyHost(
      paths: [.route: ["\(directory.path)/test.lua"]],
      budget: PolicyBudget(route: .seconds(5), load: .milliseconds(200), grace: .seconds(30)), log: log.take)
    try directory.write("test.lua", bad)
    while host.summaries()[0].fileProblem == nil { #expect(await host.decide().route == .use("good")) }
    let summary = host.summaries()[0]
    #expect(summary.state == "active" && summary.fallbacks == 0)
    #expect(summary.fileProblem?.contains("test.lua") == true)
    #expect(log.fromHost.contains { $0.hasPrefix("the changed file cannot be used, and what was good before goes on") })
    try directory.write("test.lua", policy("return {use = 'better'}"))
    while await host.decide().route != .use("better") {}
    #expect(host.summaries()[0].fileProblem == nil)
  }

  @Test func aFileWhoseFixturesFailIsNotUsed() async throws {
    try directory.write("test.lua", policy("return {use = 'good'}"))
    let isStrict = Flag()
    let host = host { path, _ in isStrict.isUp ? "\(path): 1 of 3 tests failed" : nil }
    isStrict.isUp = true
    try directory.write("test.lua", policy("return {use = 'untested'}"))
    let outcome = await host.reload()
    #expect(outcome[0].problem?.hasSuffix("test.lua: 1 of 3 tests failed") == true)
    #expect(await host.decide().route == .use("good"))
    // Mended fixtures are enough: the policy is tried again.
    isStrict.isUp = false
    try directory.write("test.test.lua", "-- mended")
    while await host.decide().route != .use("untested") {}
  }

  @Test func theLastGoodVersionAndTheMemoryOutliveTheHost() async throws {
    let store = PolicyStore(directory: "\(directory.path)/kept")
    try directory.write("test.lua", policy("memory.n = (memory.n or 0) + 1 return {reject = '' .. memory.n}"))
    do {
      let host = host(store)
      for n in 1...3 { #expect(await host.decide().route == .reject("\(n)")) }
      await host.keepEverything()
    }
    try directory.write("test.lua", "return {")
    do {
      let host = host(store)
      #expect(await host.decide().route == .reject("4"))
      #expect(host.summaries()[0].state == "active")
      #expect(host.summaries()[0].fileProblem?.hasPrefix("test.lua:1:") == true)
    }
    directory.removeFolder("kept")
  }

  @Test func whatIsSetAsideDoesNotComeBackBecauseItsFileGotWorse() async throws {
    let store = PolicyStore(directory: "\(directory.path)/kept")
    try directory.write("test.lua", policy("error('oh')"))
    let host = host(store)
    for _ in 1...5 { #expect(await host.decide().failure == "test.lua:1: oh") }
    #expect(host.summaries()[0].state == "set aside")
    await host.keepEverything()
    try directory.write("test.lua", "return {")
    #expect(await host.reload()[0].problem?.contains("test.lua:1") == true)
    #expect(host.summaries()[0].state == "set aside")
    try directory.write("test.lua", policy("return {use = 'mended'}"))
    while await host.decide().route != .use("mended") {}
    directory.removeFolder("kept")
  }

  @Test func aShadowIsAskedAndOnlyCompared() async throws {
    try directory.write("test.lua", policy("return {use = request.owner or 'a'}"))
    let shadow = try directory.write("shadow.lua", policy("return {use = 'a'}"))
    let host = host(shadows: [.route: [shadow]])
    for _ in 0..<3 { #expect(await host.decide().route == .use("a")) }
    for _ in 0..<2 { #expect(await host.decide(Requirements(owner: "b")).route == .use("b")) }
    while host.summaries()[1].disagreements < 2 { await Task.yield() }
    let summary = host.summaries()[1]
    #expect(summary.isShadow && summary.calls == 5 && summary.disagreements == 2)
    #expect(host.summaries()[0].isShadow == false)
    #expect(host.entries == [.route])
  }

  @Test func aShadowThatFailsHarmsNobody() async throws {
    try directory.write("test.lua", policy("return {use = 'a'}"))
    let shadow = try directory.write("shadow.lua", policy("error('oh')"))
    let host = host(shadows: [.route: [shadow]])
    for _ in 0..<8 { #expect(await host.decide().route == .use("a")) }
    while host.summaries()[1].state != "set aside" { await Task.yield() }
    #expect(host.summaries()[0].fallbacks == 0)
  }

  @Test func percentilesOfDecisionsAreTold() async throws {
    try directory.write("test.lua", policy("return {use = 'a'}"))
    let host = host()
    #expect(host.summaries()[0].p50 == nil)
    for _ in 0..<100 { _ = await host.decide() }
    let summary = host.summaries()[0]
    let (p50, p99) = (try #require(summary.p50), try #require(summary.p99))
    #expect(p50 > .zero && p50 <= p99)
  }
}

private final class Flag: Sendable {
  private let value = Mutex(false)

  var isUp: Bool {
    get { value.withLock(\.self) }
    set { value.withLock { $0 = newValue } }
  }
}
