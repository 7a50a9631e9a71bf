// All five entry points: what policies see of a question, what they may answer, and what they are told when it is wrong.

import FleetEngine
import PolicyHost
import Testing

@Suite struct EntryPointTests {
  private static let specification = Specification(
    kernelspec: "fleet-lua", language: "lua", config: "/etc/openai.toml", provider: "openai", model: "m", name: "n",
    labels: ["team": "a"], owner: "ann", pool: "p",
    limits: Limits(memory: 512 << 20, cpu: 0.5, processes: 10, openFiles: 64, fileSize: 1 << 20, nice: 5))
  private static let pool = PoolView(
    name: "p", minimum: 1, maximum: 8, warm: 2, kernels: 5, starting: 1, used: 2, free: 2, draining: 1, waiting: 3,
    arrivals: 0.5)
  private static let crash = Crash(
    uuid: "00000001-0000-4000-8000-000000000000", exit: ExitInfo(code: 3, outOfMemory: true), reason: "exited with 3",
    recent: 2, uptime: 1.5, proposal: 0.5)

  private static let subjects: [EntryPoint: PolicyQuestion.Subject] = [
    .admit: .admit(specification), .route: .route(Requirements(language: "lua")), .scale: .scale(pool), .alert: .alert,
    .restart: .restart(crash),
  ]

  /// The answer of a function whose arguments are a, b, c, about two kernels.
  private func ask(_ entry: EntryPoint, _ body: String) throws -> PolicyAnswer {
    let text = "return {\n  \(entry.rawValue) = function(a, b, c)\n    \(body)\n  end,\n}\n"
    let policy = try DirectPolicy(
      path: "/x/test.lua", text: Array(text.utf8), budget: PolicyBudget(answer: .seconds(5)))
    #expect(policy.entries == [entry])
    var measured = row(2, clients: 1)
    measured.memory = 100 << 20
    measured.cpu = 12.5
    measured.latency = 0.25
    measured.readyAt = Instant(nanoseconds: 1_500_000_000)
    try policy.apply([.put(row(1)), .put(measured)])
    return policy.ask(PolicyQuestion(Self.subjects[entry]!, now: Instant(nanoseconds: 2_500_000_000), seed: 1))
  }

  @Test(
    arguments: [
      (
        .admit,
        "return {reject = table.concat({a.kernelspec, a.language, a.config, a.provider, a.model, a.name, a.labels.team, a.owner, a.pool, a.memory, a.cpu, a.processes, a.open_files, a.file_size, a.nice, b:count()}, ' ')}",
        "fleet-lua lua openai.toml openai m n a ann p 536870912 0.5 10 64 1048576 5 2"
      ),
      (
        .restart,
        "return {give_up = table.concat({a.id, tostring(b.signal), b.code, tostring(b.out_of_memory), b.reason, b.recent, b.uptime, b.proposal, c:count(), now()}, ' ')}",
        "kernel-00000001 nil 3 true exited with 3 2 1.5 0.5 2 2.5"
      ),
      (
        .route,
        "local k = b:list()[2] return {reject = table.concat({k.memory, k.cpu, k.latency, k.ready_at, tostring(k.idle_since), tostring(k.threads), k.crashes, k.connections}, ' ')}",
        "104857600 12.5 0.25 1.5 nil nil 0 1"
      ),
    ] as [(EntryPoint, String, String)]) func whatIsSeen(_ entry: EntryPoint, _ body: String, _ seen: String) throws
  {
    let answer = try ask(entry, body)
    switch answer.answer {
    case .admit(.reject(let text)), .restart(.giveUp(let text)), .route(.reject(let text)): #expect(text == seen)
    default: Issue.record("\(answer)")
    }
  }

  @Test func aPoolIsSeen() throws {
    let body = """
      local sum = a.min + 10 * a.max + 100 * a.warm + 1000 * a.kernels + 10000 * a.starting + 100000 * a.used
      sum = sum + 1000000 * a.free + 10000000 * a.draining + 100000000 * a.waiting
      return {wanted = sum, retire = {b:first(), "x"}}, a.name .. a.arrivals
      """
    let answer = try ask(.scale, body)
    #expect(
      answer.answer
        == .scale(ScaleAnswer(wanted: 312_215_281, retire: ["kernel-00000001", "x"])), "\(answer)")
    #expect(answer.reason == "p0.5")
  }

  @Test(
    arguments: [
      (.admit, "return {allow = true}", .admit(.allow(limits: Limits()))),
      (
        .admit,
        "return {allow = {memory = a.memory / 2, cpu = 1, processes = 3, open_files = 9, file_size = 7, nice = -1}}",
        .admit(.allow(limits: Limits(memory: 256 << 20, cpu: 1, processes: 3, openFiles: 9, fileSize: 7, nice: -1)))
      ),
      (.admit, "return {allow = {}}", .admit(.allow(limits: Limits()))),
      (.admit, "return {reject = 'full'}", .admit(.reject("full"))),
      (.admit, "return nil, 'x'", nil),
      (.scale, "return {wanted = 0}", .scale(ScaleAnswer(wanted: 0))),
      (.scale, "return {wanted = (b:desired(a, 'cpu', 5))}", .scale(ScaleAnswer(wanted: 0))),
      (
        .scale, "return {wanted = 0, retire = b:list()}",
        .scale(ScaleAnswer(wanted: 0, retire: ["kernel-00000001", "kernel-00000002"]))
      ),
      (.alert, "return {}", .alert([])),
      (
        .alert,
        "return {{name = 'A', kernel = a:first(), severity = 'page', summary = 's', value = 2, labels = {x = 'y'}, ['for'] = 1.5, keep_firing_for = 60}, {name = 'B'}}",
        .alert([
          AlertCondition(
            name: "A", kernel: "kernel-00000001", severity: "page", summary: "s", value: 2, labels: ["x": "y"],
            hold: .seconds(1.5), keepFiring: .seconds(60)), AlertCondition(name: "B"),
        ])
      ),
      (.restart, "return {after = 2}", .restart(.restart(after: 2))),
      (.restart, "return {after = b.proposal}", .restart(.restart(after: 0.5))),
      (.restart, "return {give_up = 'no'}", .restart(.giveUp("no"))),
    ] as [(EntryPoint, String, Answer?)]) func answers(_ entry: EntryPoint, _ body: String, _ expected: Answer?) throws
  {
    let answer = try ask(entry, body)
    #expect(answer.failure == nil)
    #expect(answer.answer == expected)
  }

  @Test(
    arguments: [
      (.admit, "return true", "answered true, where a table such as {allow = true}"),
      (.admit, "return {allow = false}", "to refuse, answer {reject = \"why\"}"),
      (.admit, "return {allow = 'yes'}", "answered {allow = \"yes\"}, where true or a table of limits was expected"),
      (.admit, "return {allow = true, reject = 'x'}", "where one of allow and reject was expected"),
      (.admit, "return {}", "where one of allow and reject was expected"),
      (.admit, "return {alow = true}", "did you mean 'allow'?"),
      (.admit, "return {allow = {memroy = 1}}", "there is no 'memroy'; did you mean 'memory'?"),
      (
        .admit, "return {allow = {memory = '1G'}}",
        "answered {allow = {memory = \"1G\"}}, where a whole number of bytes"
      ),
      (.admit, "return {allow = {cpu = 0}}", "a share of one core above 0"),
      (.admit, "return {allow = {nice = 50}}", "from -20 to 19"),
      (.admit, "return {reject = ''}", "the reason as a string"),
      (.scale, "return {wanted = 'nine'}", "scale answered {wanted = \"nine\"}, where a number was expected"),
      (.scale, "return 3", "answered 3, where a table such as {wanted = 3} was expected"),
      (.scale, "return {3}", "answered {3}, where a table such as {wanted = 3}"),
      (.scale, "return {wanted = 1.5}", "a whole number that is not negative"),
      (.scale, "return {wanted = -1}", "a whole number that is not negative"),
      (.scale, "return {wanted = 0/0}", "a whole number that is not negative"),
      (.scale, "return {retire = {}}", "without 'wanted'"),
      (.scale, "return {wanted = 1, retire = 'x'}", "a list of ids"),
      (.scale, "return {wanted = 1, retire = {5}}", "a list of ids"),
      (.scale, "return {wanted = 1, retier = {}}", "did you mean 'retire'?"),
      (.alert, "return {name = 'A'}", "where an array of conditions such as"), (.alert, "return 'A'", "an array"),
      (.alert, "return {{}}", "answered condition 1 without a name"),
      (
        .alert, "return {{name = 'A'}, {nmae = 'B'}}",
        "answered {[2] = {nmae = \"B\"}}; there is no 'nmae'; did you mean"
      ),
      (.alert, "return {{name = 'A', ['for'] = '5m'}}", "answered {[1] = {for = \"5m\"}}, where a number of seconds"),
      (.alert, "return {{name = 'A', labels = {1}}}", "a table of strings"),
      (.alert, "return {{name = 'A', labels = {port = 1}}}", "a table of strings"),
      (.alert, "return {{name = 'A', value = 'x'}}", "where a number was expected"),
      (.restart, "return {after = -1}", "a number of seconds that is not negative"),
      (.restart, "return {after = 1, give_up = 'x'}", "where one of after and give_up was expected"),
      (.restart, "return {}", "where one of after and give_up was expected"),
      (.restart, "return", "returned nothing"), (.restart, "return {after = 1}, 5", "gave 5 as its reason"),
    ] as [(EntryPoint, String, String)])
  func nonsenseIsExplained(_ entry: EntryPoint, _ body: String, _ complaint: String) throws {
    let answer = try ask(entry, body)
    #expect(answer.answer == nil)
    #expect(answer.failure?.hasPrefix("test.lua:2: \(entry.rawValue) ") == true)
    #expect(answer.failure?.contains(complaint) == true, "\(answer.failure ?? "none")")
  }

  @Test func aFileMayHaveSeveralFunctions() throws {
    let text = "return { scale = function(p) return {wanted = p.min} end, alert = function() return {} end, other = 5 }"
    let policy = try DirectPolicy(path: "x.lua", text: Array(text.utf8))
    #expect(policy.entries == [.scale, .alert])
    let question = PolicyQuestion(.route(Requirements()), now: Instant(nanoseconds: 0), seed: 0)
    #expect(policy.ask(question).failure?.hasPrefix("x.lua has no function 'route'") == true)
  }

  @Test(arguments: [
    ("return {}", "none of the functions admit, route, scale, alert, restart"),
    ("return {rout = function() end}", "did you mean 'route'?"),
    ("return {route = function() end, scael = function() end}", "did you mean 'scale'?"),
    ("return {route = 5}", "'route' is a number value"),
  ])
  func aFileWithoutAFunctionIsRefused(_ text: String, _ complaint: String) {
    let error = #expect(throws: PolicyError.self) { try DirectPolicy(path: "x.lua", text: Array(text.utf8)) }
    #expect(error?.description.contains(complaint) == true)
  }

  @Test func probesReport() throws {
    var seen: [Int] = []
    let text = "__probe(1) return {alert = function() __probe(2) return {} end}"
    let policy = try DirectPolicy(path: "x.lua", text: Array(text.utf8), probe: { seen.append($0) })
    _ = policy.ask(PolicyQuestion(.alert, now: Instant(nanoseconds: 0), seed: 0))
    #expect(seen == [1, 2])
    #expect(throws: PolicyError.self) { try DirectPolicy(path: "x.lua", text: Array(text.utf8)) }
  }

  @Test func memoryGoesFromOneToTheNext() throws {
    let text = Array("return {alert = function() memory.n = (memory.n or 0) + 1 return {}, memory.n .. '' end}".utf8)
    let question = PolicyQuestion(.alert, now: Instant(nanoseconds: 0), seed: 0)
    let first = try DirectPolicy(path: "x.lua", text: text), second = try DirectPolicy(path: "x.lua", text: text)
    for n in 1...3 { #expect(first.ask(question).reason == "\(n)") }
    try second.restore(memory: first.memory)
    #expect(second.ask(question).reason == "4")
    #expect(second.memory != first.memory)
    #expect(throws: PolicyError.self) { try second.restore(memory: [1, 2, 3]) }
  }
}
