// Fixtures in TOML: series, events, expectations, invariants, golden decisions, and what is said when they fail.

import FleetDocuments
import FleetEngine
import JSON
import PolicyHost
import Testing

@testable import PolicyTools

@Suite struct SeriesTests {
  @Test(
    arguments: [
      ("0x3", [0, 0, 0, 0]), ("5+10x3", [5, 15, 25, 35]), ("1-2x2", [1, -1, -3]), ("1 2 3", [1, 2, 3]),
      ("7 _ 8", [7, 7, 8]), ("1 _x2", [1, 1, 1]), ("5 stale 6", [5, nil, 6]), ("5 stale _", [5, nil, nil]),
      ("_", [nil]),
      ("-3", [-3]), ("0x3 5+10x1 _ stale", [0, 0, 0, 0, 5, 15, 15, nil]), ("1.5x1", [1.5, 1.5]),
      ("1M+1Mx1", [1_048_576, 2_097_152]), ("2GiB", [2_147_483_648]),
    ] as [(String, [Double?])]) func notation(_ text: String, _ values: [Double?]) throws
  {
    #expect(try Series(parsing: text).values == values)
  }

  @Test(arguments: ["", "5+10", "x3", "5y3", "1 zwei", "5x-1", "5Q", "5+x3", "1x9999999999"])
  func whatIsNoSeries(_ text: String) { #expect(throws: (any Error).self) { try Series(parsing: text) } }

  @Test func afterTheLastValueItHolds() throws { #expect(try Series(parsing: "1 2")[9] == 2) }
}

@Suite struct DataFixtureTests {
  let directory: AuthorDirectory

  init() throws { directory = try AuthorDirectory() }

  static let watcher = """
    return {
      alert = function(fleet)
        local found = {}
        for kernel in fleet:each() do
          if kernel.memory and kernel.memory > 1000 then
            found[#found + 1] = { name = "HighMemory", kernel = kernel, value = kernel.memory, ["for"] = 300,
              keep_firing_for = 60 }
          end
        end
        return found, #found .. " conditions"
      end,
      scale = function(pool, fleet)
        if pool.waiting == 99 then return { wanted = "nine" } end
        return { wanted = pool.used + pool.waiting }, "used and waiting"
      end,
    }
    """

  @Test func alertsArePendingThenFiringThenResolved() throws {
    let report = try directory.run(
      policy: Self.watcher,
      toml: """
        [[test]]
        name = "memory"
        interval = "1m"
        invariants = ["#alerts <= 1", "kernel.a.memory >= 0 and fleet[1].id == kernel.a.id"]

        [[test.kernel]]
        name = "a"
        memory = "900 1200x7 800x5"

        [[test.expect]]
        at = "0m"
        alerts = []
        [[test.expect]]
        at = "5m"
        alerts = [{ name = "HighMemory", kernel = "a", state = "pending" }]
        [[test.expect]]
        at = "6m"
        alerts = [{ name = "HighMemory", kernel = "a", value = 1200 }]
        holds = "alerts[1].state == 'firing' and now == 360"
        [[test.expect]]
        at = "9m"
        alerts = [{ name = "HighMemory" }]
        [[test.expect]]
        at = "10m"
        alerts = [{ name = "HighMemory", state = "resolved" }]
        """)
    #expect(report.complaints == [])
    #expect(report.passed == 1)
  }

  @Test func poolsFollowWhatTheHostMakesOfAnAnswer() throws {
    let report = try directory.run(
      policy: Self.watcher,
      toml: """
        [[test]]
        name = "grows and shrinks"
        interval = "15s"
        invariants = ["pools.python.wanted <= 8", "pools.python.wanted >= 1"]

        [test.pools.python]
        min = 1
        max = 8
        scale_down_window = "60s"
        start_delay = "5s"
        waiting = "0 10x3 0x30"

        [[test.kernel]]
        pool = "python"
        count = 2
        clients = 1

        [[test.event]]
        at = "2m"
        kernel = "python-2"
        set = { clients = 0 }

        [[test.expect]]
        at = "15s"
        [test.expect.pools.python]
        asked = 12
        wanted = 6
        clamps = ["asked 12, allowed 8: the pool's maximum", "asked 8, allowed 6: at most 4 new per 15 s"]

        [[test.expect]]
        at = "45s"
        pools.python = { kernels = 8, wanted = 8, reason = "used and waiting" }

        [[test.expect]]
        at = "8m"
        pools.python = { kernels = 1, used = 1, draining = 0 }
        holds = "kernel['python-1'].clients == 1 and #fleet == 1"

        [[test.ask]]
        at = "8m"
        scale = "python"
        answer = { wanted = 1 }
        """)
    #expect(report.complaints == [])
  }

  @Test func questionsAreAskedAtTimes() throws {
    let report = try directory.run(
      toml: """
        [[test]]
        name = "route"
        [[test.kernel]]
        name = "a"
        clients = 2
        [[test.kernel]]
        name = "b"
        clients = "1 _ 5"
        [[test.ask]]
        route = { language = "lua" }
        answer = { use = "b" }
        reason = "fewest clients"
        [[test.ask]]
        at = "20s"
        route = {}
        answer = { use = "a" }
        [[test.event]]
        at = "25s"
        kernel = "a"
        remove = true
        [[test.ask]]
        at = "26s"
        route = {}
        answer = { use = "b" }
        [[test.event]]
        at = "27s"
        add = { name = "c" }
        [[test.ask]]
        at = "28s"
        route = {}
        answer = { use = "c" }
        [[test.ask]]
        at = "28s"
        route = { language = "python" }
        answer = { spawn = { language = "python" } }
        """)
    #expect(report.complaints == [])
  }

  @Test(arguments: [
    ("alerts = [{ name = \"HighMemory\" }]", 8, "the alerts at 10s are others"),
    ("holds = \"kernel.a.memory > 5000\"", 10, "the assertion is false"),
    ("holds = \"kernel.a.\"", 10, "\"kernel.a.\" is no expression"),
    ("pools = { python = { wanted = 9 } }", 8, "there is no pool \"python\" in this test"),
    ("alert = []", 10, "unknown key \"alert\" in [[test.expect]]; did you mean \"alerts\"?"),
  ]) func failuresNameTheLine(_ expectation: String, _ line: Int, _ complaint: String) throws {
    let report = try directory.run(
      policy: Self.watcher,
      toml: """
        [[test]]
        name = "t"

        [[test.kernel]]
        name = "a"
        memory = "2000x5"

        [[test.expect]]
        at = "10s"
        \(expectation)
        """)
    #expect(report.failed == 1)
    let said = report.complaints.first ?? ""
    #expect(said.contains("p.test.toml:\(line)") && said.contains(complaint), "\(said)")
  }

  @Test(arguments: [
    ("[[test]]", "p.test.toml:1: a [[test]] needs a name"),
    ("[[test]]\nname = \"t\"\nintervall = 3", "p.test.toml:3: unknown key \"intervall\" in [[test]]; did you mean"),
    ("[[test]]\nname = \"t\"\n[[test.kernel]]\nclinets = 3", "p.test.toml:4: t: kernel has no field \"clinets\"; did"),
    ("[[test]]\nname = \"t\"\n[[test.kernel]]\nclients = \"1+2y3\"", "p.test.toml:4: \"clients\" in [[test.kernel]]"),
    ("[[test]]\nname = \"t\"\n[[test.kernel]]\nstatus = \"idel\"", "p.test.toml:4: t: kernel.status: \"idel\" is not"),
    ("[[test]]\nname = \"t\"\n[[test.event]]\nat = \"1m\"", "p.test.toml:3: an event says what happens"),
    ("[[test]]\nname = \"t\"\n[[test.ask]]\nroute = {}", "p.test.toml:3: a question needs one of answer, reason"),
    (
      "[[test]]\nname = \"t\"\n[[test.event]]\nkernel = \"x\"\nremove = true",
      "p.test.toml:3: t: there is no kernel \"x\" at 0s"
    ), ("[[golden]]\ntrace = \"nix.json\"", "nix.json: there is no such file"),
    ("policy = \"other.lua\"\n[[test]]\nname = \"t\"", "other.lua, which is not there"), ("a = ", "p.test.toml:1:5:"),
  ]) func mistakesNameTheLine(_ text: String, _ complaint: String) throws {
    let report = try directory.run(toml: text)
    #expect(report.complaints.first?.contains(complaint) == true, "\(report.complaints)")
  }

  @Test func recordedDecisionsStayAsTheyAre() throws {
    let file = try directory.write("p.lua", routePolicy)
    var trace = Trace()
    let policy = try DirectPolicy(path: file, budget: PolicyBudget(answer: .seconds(5)))
    for serial in 1...3 {
      let row = try KernelFields.row(.record(["clients": .integer(Int64(4 - serial))]), serial: serial)
      trace.entries.append(.rows([.put(row)]))
      try policy.apply([.put(row)])
      let question = PolicyQuestion(.route(Requirements()), now: Instant(nanoseconds: 5), seed: 1)
      let answer = policy.ask(question)
      trace.entries.append(
        .decision(
          Decision(
            id: serial, question: question, policy: answer, outcome: answer.answer ?? .route(.use("")),
            reason: answer.reason ?? ""), at: 0))
    }
    try directory.write("t.json", TraceDocument.encode(trace).text())
    let fixture = "[[golden]]\ntrace = \"t.json\"\n"
    #expect(try directory.run(toml: fixture).complaints == [])
    let other = try directory.run(policy: routePolicy.replacing("least", "most"), toml: fixture)
    let failure = try #require(other.failure("t.json"))
    #expect(failure.summary == "decision 2 (route) is another now; 2 of 3 differ")
    #expect(failure.expected == "{ use = \"kernel-00000002\" }\nreason: fewest clients")
    #expect(failure.actual == "{ use = \"kernel-00000001\" }\nreason: fewest clients")
  }
}

extension String {
  fileprivate func replacing(_ old: String, _ new: String) -> String { split(separator: old).joined(separator: new) }
}
