// Runs a test that is data: steps through its time, with the controllers of the real engine.

import FleetConfiguration
import FleetEngine
import LuaRuntime
import PolicyHost

extension DataFixture {
  func run(_ policy: PolicyUnderTest, _ selects: ([String]) -> Bool) -> FixtureReport {
    var report = FixtureReport(path: file.path, policy: policy.path)
    for test in tests where selects([test.name]) { report.tests.append(run(test, policy)) }
    for trace in traces where selects(trace.name) { report.tests.append(trace.run(policy, file)) }
    return report
  }

  private func run(_ test: DataTest, _ policy: PolicyUnderTest) -> TestResult {
    var result = TestResult(name: [test.name], line: test.position.line)
    let clock = ContinuousClock()
    let start = clock.now
    policy.begin()
    do {
      var run = try DataRun(test, file, policy)
      result.failure = try run.run()
    } catch {
      let place = (error as? ConfigurationError)?.position?.line ?? test.position.line
      let message = (error as? ConfigurationError)?.message ?? "\(error)"
      result.failure = TestFailure(place: "\(file.name):\(place)", summary: message)
    }
    result.duration = clock.now - start
    result.log = policy.logged
    return result
  }
}

struct DataRun {
  let test: DataTest
  let file: AuthorFile
  let policy: PolicyUnderTest
  private let entries: Set<EntryPoint>
  private let conditions: DataConditions?
  private var fleet: DataFleet
  private var rows: [KernelRow] = []
  private var alerter = Alerter()
  private(set) var pools: [DataPoolState]
  private var step = 0
  private var asked: UInt64 = 0

  init(_ test: DataTest, _ file: AuthorFile, _ policy: PolicyUnderTest) throws {
    (self.test, self.file, self.policy) = (test, file, policy)
    entries = try policy.loaded().entries
    fleet = DataFleet(test.kernels, file: file.path)
    pools = test.pools.map { DataPoolState($0) }
    let all = test.invariants + test.items.compactMap(\.condition)
    conditions = all.isEmpty ? nil : try DataConditions(all, file, policy)
  }

  /// - Returns: the first failure; nil if all is as expected.
  mutating func run() throws -> TestFailure? {
    var items = test.items.sorted { ($0.at, $0.position.line) < ($1.at, $1.position.line) }[...]
    for step in 0...test.steps {
      self.step = step
      let now = test.interval * step
      // What happens at the time of a step is seen by the policies of this step.
      while let item = items.first, item.at == now, item.isEvent {
        if let failure = try carryOut(items.removeFirst()) { return failure }
      }
      rows = try fleet.rows(step: step, now: instant(now))
      if let failure = try control(now) ?? invariants(now) { return failure }
      while let item = items.first, item.at < now + test.interval {
        if let failure = try carryOut(items.removeFirst()) { return failure }
      }
    }
    return nil
  }

  private func instant(_ time: Duration) -> Instant { Instant(nanoseconds: time.nanoseconds) }

  private func failure(_ position: FilePosition, _ summary: String) -> TestFailure {
    TestFailure(place: "\(file.name):\(position.line)", summary: summary)
  }

  // MARK: Asking

  private mutating func answer(_ subject: PolicyQuestion.Subject, _ time: Duration) throws -> PolicyAnswer {
    let question = PolicyQuestion(subject, now: instant(time), seed: test.seed &+ asked)
    asked += 1
    try policy.show(rows)
    return try policy.ask(question)
  }

  /// Asks about alerts and pools, as a host does again and again.
  private mutating func control(_ now: Duration) throws -> TestFailure? {
    if entries.contains(.alert) {
      let answer = try answer(.alert, now)
      if let why = answer.failure { return failure(test.position, "at \(said(now)) the policy failed: \(why)") }
      var found: [AlertCondition] = []
      if case .alert(let conditions) = answer.answer { found = conditions }
      _ = alerter.update("policy", found, instant(now))
    }
    guard entries.contains(.scale) else { return nil }
    for index in pools.indices {
      pools[index].look(rows, step)
      let answer = try answer(.scale(pools[index].view), now)
      if let why = answer.failure { return failure(test.position, "at \(said(now)) the policy failed: \(why)") }
      let retire = pools[index].settle(answer, instant(now))
      fleet.follow(
        pools[index].data, wanted: pools[index].wanted, retire: retire, rows: rows, step: step, now: instant(now))
    }
    return nil
  }

  // MARK: What happens

  private mutating func carryOut(_ item: DataItem) throws -> TestFailure? {
    var known = true
    switch item.content {
    case .set(let kernel, let fields): known = fleet.set(kernel, fields, step: step)
    case .remove(let kernel): known = fleet.remove(kernel)
    case .add(let kernel): fleet.add(kernel, step: step)
    case .reload: try policy.reload()
    case .ask(let ask): return try check(ask, item)
    case .expect(let expectation): return try check(expectation, item)
    }
    guard known else { return failure(item.position, missing(item)) }
    rows = try fleet.rows(step: step, now: instant(item.at))
    return nil
  }

  private func missing(_ item: DataItem) -> String {
    switch item.content {
    case .set(let kernel, _), .remove(let kernel):
      "there is no kernel \"\(kernel)\" at \(said(item.at))"
        + NearestName.hint(for: kernel, among: fleet.names, what: "there are")
    default: ""
    }
  }

  private mutating func check(_ ask: DataAsk, _ item: DataItem) throws -> TestFailure? {
    let subject: PolicyQuestion.Subject
    do throws(ToolError) { subject = try self.subject(ask) } catch { return failure(item.position, error.description) }
    let answer = try answer(subject, item.at)
    if let pattern = ask.fails { return check(answer, fails: pattern, item) }
    if let why = answer.failure { return failure(item.position, "the policy failed: \(why)") }
    let names = Dictionary(rows.map { ($0.uuid, $0.id) }, uniquingKeysWith: { first, _ in first })
    let actual = answer.answer?.fields { names[$0] ?? $0 } ?? .nil
    if ask.hasNoOpinion, actual != .nil {
      return failure(item.position, "expected no opinion, but the answer was \(actual.shown)")
    }
    if let wanted = ask.answer.map(resolved), !wanted.isFound(in: actual) {
      var failure = failure(item.position, "\(ask.entry.rawValue) answered something else")
      (failure.expected, failure.actual) = (named(wanted).shown, named(actual).shown)
      if let reason = answer.reason { failure.values.append(.init("reason", "\"\(reason)\"")) }
      return failure
    }
    if let reason = ask.reason, reason != answer.reason {
      var failure = failure(item.position, "\(ask.entry.rawValue) gave another reason")
      (failure.expected, failure.actual) = (reason, answer.reason ?? "no reason")
      return failure
    }
    return nil
  }

  private func check(_ answer: PolicyAnswer, fails pattern: String, _ item: DataItem) -> TestFailure? {
    guard let message = answer.failure else {
      return failure(item.position, "expected a failure with \"\(pattern)\", but the policy answered")
    }
    return message.contains(pattern)
      ? nil : failure(item.position, "expected a failure with \"\(pattern)\", but it was: \(message)")
  }

  private func subject(_ ask: DataAsk) throws(ToolError) -> PolicyQuestion.Subject {
    switch ask.entry {
    case .admit: return try .admit(ask.subject)
    case .route: return try .route(ask.subject)
    case .alert: return .alert
    case .scale:
      guard let name = ask.name, let pool = pools.first(where: { $0.data.pool.name == name }) else {
        throw ToolError("there is no pool \"\(ask.name ?? "")\" in this test; add [test.pools.\(ask.name ?? "NAME")]")
      }
      return .scale(pool.looked(rows, step).view)
    case .restart:
      guard let row = row(ask.name ?? "") else { throw ToolError("there is no kernel \"\(ask.name ?? "")\"") }
      return try .restart(row.uuid, ask.subject)
    }
  }

  private func row(_ name: String) -> KernelRow? { rows.first { $0.name == name || $0.id == name || $0.uuid == name } }

  /// Kernels by id, where a fixture has their names.
  private func resolved(_ answer: LuaValue) -> LuaValue { replacing(answer) { row($0)?.id } }

  /// Kernels by name, for people.
  private func named(_ answer: LuaValue) -> LuaValue { replacing(answer) { row($0)?.name } }

  private func replacing(_ answer: LuaValue, _ other: (String) -> String?) -> LuaValue {
    guard var table = answer.table else { return answer }
    func replaced(_ value: LuaValue) -> LuaValue { value.text.flatMap(other).map { .text($0) } ?? value }
    for index in table.pairs.indices {
      switch table.pairs[index].key.text {
      case "use", "kernel": table.pairs[index].value = replaced(table.pairs[index].value)
      case "retire":
        table.pairs[index].value = .sequence(table.pairs[index].value.table?.array.map(replaced) ?? [])
      default: break
      }
    }
    table.array = table.array.map { replacing($0, other) }
    return .table(table)
  }

  // MARK: Expectations

  private mutating func check(_ expectation: DataExpectation, _ item: DataItem) throws -> TestFailure? {
    if let alerts = expectation.alerts, let failure = compare(alerts, item) { return failure }
    for (name, fields) in expectation.pools {
      guard let pool = pools.first(where: { $0.data.pool.name == name }) else {
        return failure(item.position, "there is no pool \"\(name)\" in this test; add [test.pools.\(name)]")
      }
      let (wanted, actual) = (LuaValue.table(fields), pool.fields)
      if wanted.isFound(in: actual) { continue }
      var failure = failure(item.position, "pool \(name) is not as expected at \(said(item.at))")
      (failure.expected, failure.actual) = (lines(wanted), lines(actual.limited(to: wanted)))
      return failure
    }
    guard expectation.condition != nil else { return nil }
    let earlier = test.items.prefix { $0.position != item.position }.count { $0.condition != nil }
    return conditions?.failure(test.invariants.count + earlier, values(item.at))
  }

  private func invariants(_ now: Duration) -> TestFailure? {
    guard !test.invariants.isEmpty, let conditions else { return nil }
    let values = values(now)
    for index in test.invariants.indices {
      guard var failure = conditions.failure(index, values) else { continue }
      failure.summary = "at \(said(now)) an invariant does not hold: \(failure.summary)"
      return failure
    }
    return nil
  }

  /// Pending and firing alerts must be those; resolved ones are there to be mentioned.
  private func compare(_ expected: [LuaValue], _ item: DataItem) -> TestFailure? {
    var actual = alerts
    var (wanted, found): ([String], [String]) = ([], [])
    for var alert in expected {
      if alert.table?["state"] == nil, var table = alert.table {
        table.pairs.append(LuaTable.Pair(.text("state"), .text("firing")))
        alert = .table(table)
      }
      wanted.append(alert.shown)
      if let index = actual.firstIndex(where: { alert.isFound(in: $0) }) {
        found.append(alert.shown)
        actual.remove(at: index)
      } else if let index = actual.firstIndex(where: { $0.table?["name"] == alert.table?["name"] }) {
        found.append(actual.remove(at: index).limited(to: alert).shown)
      }
    }
    let brief = LuaValue.record(["name": .boolean(true), "kernel": .boolean(true), "state": .boolean(true)])
    found += actual.filter { $0.table?["state"] != .text("resolved") }.map { $0.limited(to: brief).shown }
    guard wanted.sorted() != found.sorted() else { return nil }
    var failure = failure(item.position, "the alerts at \(said(item.at)) are others")
    failure.expected = wanted.isEmpty ? "none" : wanted.joined(separator: "\n")
    failure.actual = found.isEmpty ? "none" : found.joined(separator: "\n")
    return failure
  }

  private func lines(_ value: LuaValue) -> String {
    (value.table?.pairs ?? []).sorted { ($0.key.text ?? "") < ($1.key.text ?? "") }
      .map { "\($0.key.text ?? "") = \($0.value.shown)" }.joined(separator: "\n")
  }

  private var alerts: [LuaValue] {
    let names = Dictionary(
      rows.flatMap { row in [(row.uuid, row.name ?? row.id), (row.id, row.name ?? row.id)] },
      uniquingKeysWith: { first, _ in first })
    return alerter.all.map { $0.fields { names[$0] ?? $0 } }
  }

  /// What conditions see, in the order of their names.
  private func values(_ now: Duration) -> [LuaValue] {
    let fields = rows.map(\.fields)
    let named = zip(rows, fields).map { LuaTable.Pair(.text($0.name ?? $0.id), $1) }
    let pools = self.pools.map { LuaTable.Pair(.text($0.data.pool.name), $0.fields) }
    return [
      .plain(now.seconds), .sequence(fields), .table(LuaTable(pairs: named)),
      .sequence(alerts.filter { $0.table?["state"] != .text("resolved") }), .table(LuaTable(pairs: pools)),
    ]
  }

  private func said(_ time: Duration) -> String { DurationText.format(time) }
}

extension DataItem {
  fileprivate var isEvent: Bool {
    switch content {
    case .set, .remove, .add, .reload: true
    case .ask, .expect: false
    }
  }

  fileprivate var condition: DataCondition? {
    if case .expect(let expectation) = content { expectation.condition } else { nil }
  }
}
