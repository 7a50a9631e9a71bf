// Rows in a sandbox: what scripts see of them, and that sets of them are what a naive search would find.

import LuaRuntime
import Testing

/// A small fleet for tests.
struct TestRow: Equatable {
  var serial: Int
  var language: String
  var config: String?
  var limit: Int64?
  var clients: Int64
  var status = "idle"
  var labels: [String: String] = [:]
  var sessions: [String] = []

  var id: String { "kernel-\(serial)" }

  static let schema = LuaSchema(
    rowFields: ["id", "serial", "language", "config", "limit", "clients", "status", "labels", "sessions"],
    requestFields: ["language", "config", "limit", "labels", "session"],
    rules: [
      .equal(request: "language", row: "language"), .fileName(request: "config", row: "config"),
      .atLeast(request: "limit", row: "limit"), .includes(request: "labels", row: "labels"),
      .prefers(request: "session", row: "sessions"),
    ], eligible: ("status", ["idle", "busy"]), keyField: "id", orderField: "serial")

  var encoded: LuaEncoder {
    let encoder = LuaEncoder()
    encoder.append(text: id)
    encoder.append(integer: Int64(serial))
    encoder.append(text: language)
    encoder.append(text: config)
    encoder.append(integer: limit)
    encoder.append(integer: clients)
    encoder.append(text: status)
    encoder.append(texts: labels)
    encoder.append(texts: sessions)
    return encoder
  }
}

struct TestRequest {
  var language: String?
  var config: String?
  var limit: Int64?
  var labels: [String: String] = [:]
  var session: String?

  var encoded: LuaEncoder {
    let encoder = LuaEncoder()
    encoder.append(text: language)
    encoder.append(text: config)
    encoder.append(integer: limit)
    if labels.isEmpty { encoder.appendNil() } else { encoder.append(texts: labels) }
    encoder.append(text: session)
    return encoder
  }

  func accepts(_ row: TestRow) -> Bool {
    (row.status == "idle" || row.status == "busy") && (language == nil || language == row.language)
      && (config == nil || config == row.config) && limit.map { $0 <= row.limit ?? .max } ?? true
      && labels.allSatisfy { row.labels[$0.key] == $0.value }
  }
}

extension LuaState {
  func put(_ row: TestRow) throws { try putRow(row.encoded) }

  func decide(_ function: LuaFunction, _ request: TestRequest = TestRequest()) throws -> [LuaValue] {
    var reader = try decide(function, request.encoded, now: 12.5, deadline: luaNow() + 60_000_000_000)
    var values: [LuaValue] = []
    while reader.next != .end { values.append(reader.value()) }
    return values
  }

  func entry(_ source: String) throws -> LuaFunction {
    try run("entry = (function() \(source) end)()")
    return try function("entry")
  }
}

@Suite struct RowTests {
  let state: LuaState

  init() throws {
    state = try LuaState(.policy)
    try state.openRows(TestRow.schema)
    try state.put(TestRow(serial: 1, language: "lua", config: "openai.toml", clients: 3, labels: ["tier": "gold"]))
    try state.put(TestRow(serial: 2, language: "lua", clients: 1, sessions: ["s1", "s2"]))
    try state.put(TestRow(serial: 3, language: "python", limit: 1000, clients: 0, status: "failed"))
    try state.put(TestRow(serial: 4, language: "python", limit: 1000, clients: 0))
  }

  private func ask(_ body: String, _ request: TestRequest = TestRequest()) throws -> [LuaValue] {
    try state.decide(state.entry("return function(request, fleet) \(body) end"), request)
  }

  private func failure(_ body: String) -> String {
    do {
      _ = try ask(body)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func fieldsAreRead() throws {
    #expect(
      try ask("local k = fleet:first() return k.id .. k.language .. k.config .. k.clients .. k.labels.tier, k.limit")
        == ["kernel-1luaopenai.toml3gold", .nil])
    #expect(try ask("local k = fleet:first() return #k.sessions, k.unknown") == [0, .nil])
    #expect(
      try ask("for k in fleet:each() do if #k.sessions > 0 then return table.concat(k.sessions, '+') end end")[0]
        == "s1+s2")
    #expect(try ask("return tostring(fleet:first()), type(fleet:first())") == ["kernel-1", "userdata"])
    #expect(try ask("return {use = fleet:first()}")[0]["use"] == "kernel-1")
    #expect(try ask("return now()")[0] == 12.5)
  }

  @Test func fieldsGoInTheirOrder() throws {
    let all = try ask("local t = {} for k, v in pairs(fleet:first()) do t[#t + 1] = k end return table.concat(t, ' ')")
    #expect(all[0] == "id serial language config clients status labels sessions")
  }

  @Test(arguments: [
    "fleet:first().clients = 0", "fleet:first().new = 0", "fleet:first().labels.tier = 'x'", "fleet.x = 1",
    "request.language = 'x'", "fleet:list()[1] = nil", "setmetatable(fleet:first(), {})",
    "table.insert(fleet:list(), 1)",
    "fleet:first().sessions[1] = 'x'", "getmetatable(fleet:first()).__index.id = 1", "fleet.match = nil",
  ])
  func nothingCanBeWritten(_ body: String) throws {
    #expect(failure(body) != "no error")
    let unchanged = try ask("local k = fleet:first() return k.id, k.clients, k.labels.tier, fleet:count()")
    #expect(unchanged.prefix(2) == ["kernel-1", 3])
    #expect(failure("fleet:first().clients = 0").hasSuffix("kernel rows are read-only"))
  }

  @Test func setsAnswer() throws {
    let python = TestRequest(language: "python")
    #expect(try ask("return fleet:match(request):count(), #fleet", python) == [1, 4])
    #expect(
      try ask("local s = fleet:match(request) return s:least('clients').id, s:first().id", python) == [
        "kernel-4", "kernel-4",
      ])
    #expect(
      try ask("local s = fleet:match{language = 'lua'} return s:least('clients').id, s:first().id") == [
        "kernel-2", "kernel-1",
      ])
    #expect(
      try ask("return fleet:match{language = 'cobol'}:least('clients'), fleet:match{language = 'cobol'}:count()") == [
        .nil, 0,
      ])
    #expect(
      try ask(
        "local n = {} for k in fleet:match{language = 'lua'}:each() do n[#n + 1] = k.id end return table.concat(n, ' ')"
      )[0] == "kernel-1 kernel-2")
    #expect(
      try ask("local n = '' for i, k in ipairs(fleet:kernels()) do n = n .. i .. k.serial end return n, #fleet:list()")
        == ["11223344", 4])
    #expect(
      try ask("return fleet:match{config = 'dir/openai'}:first().id, fleet:match{labels = {tier = 'gold'}}:count()")
        == ["kernel-1", 1])
    #expect(try ask("return fleet:match{limit = 1001}:count(), fleet:match{limit = 1000}:count()") == [2, 3])
    #expect(failure("return fleet:least('language')").contains("not a number"))
    #expect(failure("return fleet:least('nothing')").contains("no field 'nothing'"))
    #expect(failure("return fleet.count()").contains("a set of kernels expected"))
    #expect(failure("return fleet:match(nil)").contains("table expected"))
    #expect(failure("return fleet:match(request):match(request)").contains("only the fleet"))
  }

  @Test func aSessionFindsItsKernelAgain() throws {
    let request = TestRequest(language: "lua", session: "s2")
    let body =
      "local s = fleet:match(request) return s:least('clients').id, s:count(), #s:list(), s:first() == s:list()[1]"
    #expect(try ask(body, request) == ["kernel-2", 1, 1, true])
    #expect(try ask(body, TestRequest(language: "lua", session: "new")) == ["kernel-2", 2, 2, true])
    #expect(try ask("return fleet:match(request):count()", TestRequest(language: "python", session: "s2")) == [1])
    try state.put(TestRow(serial: 2, language: "lua", clients: 1, sessions: ["s1"]))
    #expect(try ask(body, request)[1] == 2)
    try state.removeRow("kernel-2")
    #expect(try ask("return fleet:match{session = 's1'}:count()") == [2])
  }

  @Test func theRequestIsSeen() throws {
    let request = TestRequest(language: "lua", config: "x.toml", limit: 5, labels: ["a": "b"], session: "s")
    #expect(
      try ask(
        "return request.language .. request.config .. request.limit .. request.labels.a .. request.session", request)[0]
        == "luax.toml5bs")
    #expect(try ask("return request.language, request.nothing", TestRequest(config: "y")) == [.nil, .nil])
    #expect(try ask("return request.config, request.config", TestRequest(config: "y")) == ["y", "y"])
    #expect(
      try ask("local n = '' for k in pairs(request) do n = n .. k .. ' ' end return n", request)[0]
        == "language config limit labels session ")
  }

  @Test func rowsKeepTheirIdentity() throws {
    _ = try ask("kept, keptSet, single = fleet:first(), fleet:match{language = 'lua'}, fleet:match{session = 's1'}")
    try state.put(TestRow(serial: 1, language: "lua", clients: 9))
    #expect(try ask("return kept == fleet:first(), kept.clients, keptSet:count()") == [true, 9, 2])
    #expect(failure("single:first()").contains("earlier decision"))
    try state.removeRow("kernel-1")
    #expect(
      try ask("return kept.id, kept == fleet:first(), keptSet:first().id, fleet:count()") == [
        "kernel-1", false, "kernel-2", 3,
      ])
    try state.put(TestRow(serial: 1, language: "lua", clients: 0))
    #expect(try ask("return kept == fleet:first(), fleet:first().id") == [false, "kernel-1"])
    #expect(
      failure("for i = 1, 1000 do fleet:match{language = 'l' .. i} end").contains("different requests in one decision"))
    for n in 0..<100 { _ = try ask("return fleet:match{language = 'm\(n)'}:count()") }
    #expect(failure("return keptSet:first().id").contains("earlier decision"))
  }

  /// Random changes, after each of which every answer is compared with a naive search.
  @Test(arguments: [1, 2, 3] as [UInt64]) func setsAreWhatASearchFinds(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let state = try LuaState(.policy)
    try state.openRows(TestRow.schema)
    let least = try state.entry(
      """
      return function(request, fleet)
        local set, ids = fleet:match(request), {}
        for k in set:each() do ids[#ids + 1] = k.id end
        for i, k in ipairs(set:list()) do assert(k.id == ids[i]) end
        local a, b = set:least("clients"), set:least("limit")
        assert(set:count() == #ids and #set == #ids)
        return a and a.id, b and b.id, table.concat(ids, " ")
      end
      """)
    var rows: [Int: TestRow] = [:]
    for _ in 0..<400 {
      let serial = Int.random(in: 1...60, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        rows[serial] = nil
        try state.removeRow("kernel-\(serial)")
      } else {
        let row = TestRow.random(serial, &random)
        rows[serial] = row
        try state.put(row)
      }
      let request = TestRequest.random(&random)
      let found = rows.values.filter(request.accepts).sorted { $0.serial < $1.serial }
      let expected: [LuaValue] = [
        found.min { ($0.clients, $0.serial) < ($1.clients, $1.serial) }.map { .text($0.id) } ?? .nil,
        found.min { ($0.limit ?? .max, $0.serial) < ($1.limit ?? .max, $1.serial) }.map { .text($0.id) } ?? .nil,
        .text(found.map(\.id).joined(separator: " ")),
      ]
      #expect(try state.decide(least, request) == expected)
    }
  }

  @Test func aThousandRowsAreTheHostsMemory() throws {
    let before = state.memoryInUse
    for serial in 10..<1010 {
      try state.put(TestRow(serial: serial, language: "lua", config: "default.toml", clients: Int64(serial % 7)))
    }
    while state.collectSome() {}
    #expect((state.memoryInUse - before) / 1000 <= 750)
    #expect(try ask("return fleet:count(), fleet:match{language = 'lua'}:least('clients').id") == [1004, "kernel-14"])
    // What the policy may take is what it could take without them.
    #expect(try ask("local t = {} for i = 1, 40 do t[i] = ('x'):rep(170000) .. i end return #t") == [40])
    #expect(failure("local t = {} for i = 1, 60 do t[i] = ('x'):rep(170000) .. i end").contains("not enough memory"))
  }

  @Test(arguments: [1, .max] as [UInt64]) func everyAllocationMayFail(_ count: UInt64) throws {
    var n: UInt64 = 1
    while try surviveFailure(from: n, count) { n += 1 }
    #expect(n > 100)
  }

  /// Whether an allocation failed.
  private func surviveFailure(from n: UInt64, _ count: UInt64) throws -> Bool {
    let state = try LuaState(.policy)
    state.failAllocations(from: n, count: count)
    var error: LuaError?
    do { try exercise(state) } catch let caught as LuaError { error = caught }
    let failed = state.didFailAllocation
    #expect(failed || error == nil)
    state.failAllocations(from: 0)
    // Whatever failed, the state is orderly: what the host says now is what is found.
    guard (try? state.removeRow("none")) != nil, n > 60 || error == nil else { return failed }
    try state.put(TestRow(serial: 1, language: "lua", clients: 0))
    try state.put(TestRow(serial: 30, language: "lua", clients: 0, sessions: ["s30"]))
    let entry = try state.entry(
      "return function(_, fleet) return fleet:match{language = 'lua'}:least('clients').id end")
    #expect(try state.decide(entry) == ["kernel-1"])
    return failed
  }

  private func exercise(_ state: LuaState) throws {
    try state.openRows(TestRow.schema)
    let entry = try state.entry(
      """
      return function(request, fleet)
        local a, b = fleet:match(request), fleet:match{language = "lua", labels = {a = "b"}, session = "s3"}
        for k in a:each() do for name, value in pairs(k) do local x = tostring(name) .. tostring(value) end end
        for name in pairs(request) do local x = request[name] end
        return {use = a:least("clients"), list = #b:list() + #fleet:kernels()}, tostring(b:least("limit"))
      end
      """)
    for serial in 1...20 {
      try state.put(TestRow(serial: serial, language: "lua", clients: 1, labels: ["a": "b"], sessions: ["s\(serial)"]))
    }
    _ = try state.decide(entry, TestRequest(language: "lua", config: "c", labels: ["a": "b"], session: "s2"))
    for serial in 5...25 {
      try state.put(TestRow(serial: serial, language: "lua", config: "c.toml", clients: 2, sessions: ["t\(serial)"]))
    }
    _ = try state.decide(entry, TestRequest(language: "lua", session: "t9"))
    for serial in 1...10 { try state.removeRow("kernel-\(serial)") }
    while state.collectSome() {}
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension TestRow {
  static func random(_ serial: Int, _ random: inout SplitMix) -> TestRow {
    TestRow(
      serial: serial, language: ["lua", "python"].randomElement(using: &random)!,
      config: [nil, "a.toml", "b.toml"].randomElement(using: &random)!,
      limit: [nil, 100, 200, 300].randomElement(using: &random)!, clients: Int64.random(in: 0...4, using: &random),
      status: ["idle", "busy", "failed"].randomElement(using: &random)!,
      labels: [[:], ["x": "1"], ["x": "2", "y": "1"]].randomElement(using: &random)!)
  }
}

extension TestRequest {
  static func random(_ random: inout SplitMix) -> TestRequest {
    TestRequest(
      language: [nil, "lua", "python"].randomElement(using: &random)!,
      config: [nil, nil, "a.toml"].randomElement(using: &random)!,
      limit: [nil, nil, 150].randomElement(using: &random)!,
      labels: [[:], [:], ["x": "2"]].randomElement(using: &random)!)
  }
}
