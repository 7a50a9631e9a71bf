// Policies that are asked: what they see, what they may answer, and who is asked next.

import FleetEngine
import PolicyHost
import Testing

@Suite struct PolicyHostTests {
  let directory: PolicyDirectory

  init() throws { directory = try PolicyDirectory() }

  private func answer(_ body: String, _ requirements: Requirements = Requirements()) async throws -> PolicyAnswer {
    let host = try directory.host(route: body, budget: patient)
    host.apply([.put(row(1, clients: 2)), .put(row(2, language: "python")), .put(row(3, clients: 1))])
    return await host.decide(requirements)
  }

  @Test(
    arguments: [
      ("return {use = fleet:first().id}, 'first'", .use("kernel-00000001"), "first"),
      ("return {use = fleet:match{language = 'lua'}:least('clients')}", .use("kernel-00000003"), nil),
      ("return {spawn = {}}, 'new'", .spawn(config: nil, language: nil), "new"),
      ("return {spawn = {config = 'a.toml', language = 'lua'}}", .spawn(config: "a.toml", language: "lua"), nil),
      ("return {wait = 1.5}, 'soon'", .wait(seconds: 1.5), "soon"), ("return {wait = 2}", .wait(seconds: 2), nil),
      ("return {reject = 'full'}, 'quota'", .reject("full"), "quota"),
      ("return nil, 'nothing to say'", nil, "nothing to say"),
      ("return {reject = request.language .. now()}", .reject("lua12.5"), nil),
    ] as [(String, RouteAnswer?, String?)])
  func answers(_ body: String, _ expected: RouteAnswer?, _ reason: String?) async throws {
    let answer = try await answer(body, Requirements(language: "lua"))
    #expect(answer.failure == nil)
    #expect(answer.route == expected)
    #expect(answer.reason == reason)
  }

  @Test(arguments: [
    ("return", "returned nothing"), ("return nil", "returned nothing"), ("return 5", "answered 5"),
    ("return 'kernel-1'", "answered \"kernel-1\""), ("return {}", "without one of use, spawn, wait, reject"),
    ("return {'x'}", "without one of"), ("return {use = 5}", "answered {use = 5}"),
    ("return {use = fleet:match{language = 'x'}:first()}", "without one of"),
    ("return {use = ''}", "the id of a kernel"),
    ("return {spawn = true}", "answered {spawn = true}"),
    ("return {spawn = {image = 'x'}}", "it takes config, language"),
    ("return {spawn = {confg = 'x'}}", "did you mean 'config'?"),
    ("return {spawn = {config = 1}}", "answered {spawn = {config = 1}}, where the name of a config was expected"),
    ("return {wait = -1}", "not negative"),
    ("return {wait = 0/0}", "not negative"), ("return {wait = 'x'}", "not negative"),
    ("return {reject = {}}", "the reason as a string"),
    ("return {use = 'a', wait = 1}", "more than one"), ("return {uze = 'a'}", "'uze'"),
    ("return {uze = 'a'}", "did you mean 'use'?"),
    ("return {wait = 1}, {}", "as its reason"), ("return function() end", "<function>"),
  ])
  func nonsenseIsAFailureOfThePolicy(_ body: String, _ complaint: String) async throws {
    let answer = try await answer(body)
    #expect(answer.answer == nil)
    #expect(answer.failure?.hasPrefix("test.lua:2: route ") == true)
    #expect(answer.failure?.contains(complaint) == true, "\(answer.failure ?? "none")")
    #expect(answer.policy?.hasSuffix("/test.lua") == true)
  }

  @Test func errorsSayWhere() async throws {
    #expect(try await answer("error('broken')").failure == "test.lua:3: broken")
    #expect(try await answer("return fleet.nothing.x").failure?.hasPrefix("test.lua:3: attempt to index") == true)
    #expect(try await answer("error({})").failure == "(error object is a table value)")
    #expect(try await answer("fleet:first().clients = 0").failure == "test.lua:3: kernel rows are read-only")
  }

  @Test func theFirstOpinionCounts() async throws {
    let quiet = try directory.write("quiet.lua", "return {route = function() return nil, 'not mine' end}")
    let other = try directory.write("other.lua", "return {route = function() return {use = 'x'}, 'mine' end}")
    let broken = try directory.write("broken.lua", "return {route = function() error('oh') end}")
    let missing = directory.path + "/missing.lua"
    func ask(_ files: [String]) async -> PolicyAnswer {
      await PolicyHost(route: files, budget: patient, log: Log().take).decide()
    }
    let first = await ask([quiet, other, broken])
    #expect(first.route == .use("x") && first.policy == other && first.hash?.count == 64)
    let none = await ask([quiet, quiet])
    #expect(none.answer == nil && none.failure == nil && none.reason == "not mine" && none.policy == nil)
    let failed = await ask([quiet, broken, other])
    #expect(failed.answer == nil && failed.failure == "broken.lua:1: oh" && failed.policy == broken)
    #expect(await ask([missing, other]).route == .use("x"))
    let absent = await ask([missing, quiet])
    #expect(absent.answer == nil && absent.policy == missing)
    #expect(absent.failure?.contains("cannot be read: No such file") == true)
    #expect(await ask([]) == PolicyAnswer())
  }

  @Test func changesAndQuestionsKeepTheirOrder() async throws {
    let host = try directory.host(
      route: "return {reject = fleet:count() .. ' ' .. fleet:match(request):count()}", budget: patient)
    for count in 1...50 {
      host.apply([.put(row(count, language: count % 2 == 0 ? "lua" : "python"))])
      #expect(await host.decide(Requirements(language: "lua")).route == .reject("\(count) \(count / 2)"))
    }
    host.apply((1...50).map { .remove(row($0).uuid) })
    #expect(await host.decide().route == .reject("0 0"))
  }

  @Test func randomFollowsTheSeed() async throws {
    let host = try directory.host(route: "return {reject = random(1000000) .. ' ' .. math.random()}", budget: patient)
    let first = await host.decide(seed: 7)
    #expect(await host.decide(seed: 8).route != first.route)
    #expect(await host.decide(seed: 7).route == first.route)
  }

  @Test func memoryLastsAndGlobalsDoNot() async throws {
    let host = try directory.host(
      route: "memory.n = (memory.n or 0) + 1 return {reject = memory.n .. ''}", budget: patient)
    for n in 1...3 { #expect(await host.decide().route == .reject("\(n)")) }
    #expect(try await answer("n = 1").failure?.contains("global 'n' cannot be set") == true)
  }

  @Test func whatIsLoggedIsBounded() async throws {
    let log = Log()
    let host = try directory.host(
      route: "log('hello', {}, 1) for i = 1, 100 do log(('x'):rep(5000)) end return nil, ''", budget: patient, log: log)
    _ = await host.decide()
    _ = await host.decide()
    #expect(log.fromPolicies.count == 128)
    #expect(log.fromPolicies[0] == "hello\ttable: 1\t1")
    #expect(log.fromPolicies.allSatisfy { $0.utf8.count <= 4200 })
    #expect(log.fromPolicies[63].hasSuffix("is left out)"))
  }

  @Test func summariesTell() async throws {
    let host = try directory.host(route: "if request.owner then error('x') end return nil, 'no'", budget: patient)
    _ = await host.decide()
    _ = await host.decide(Requirements(owner: "me"))
    let summary = try #require(host.summaries().first)
    #expect(summary.entry == "route" && summary.path.hasSuffix("/test.lua") && summary.state == "active")
    #expect(summary.calls == 2 && summary.fallbacks == 1 && summary.lastError == "test.lua:3: x")
  }

  @Test func hashesAreSHA256() async throws {
    // sha256sum of these three texts.
    for (text, hash) in [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ] { #expect(policyHash(of: Array(text.utf8)) == hash) }
  }
}
