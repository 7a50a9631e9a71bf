// The helpers of sets, on random fleets: each answer is what a plain search over the rows finds.

import LuaRuntime
import Testing

/// A row with what the helpers know by name.
private struct Row: Equatable {
  var serial: Int
  var pool: String?
  var status = "idle"
  var clients: Int64 = 0
  var latency: Double?
  var load: Double?

  static let schema = LuaSchema(
    rowFields: ["id", "serial", "pool", "status", "clients", "latency", "load", "sessions"],
    requestFields: ["pool", "session"],
    rules: [.equal(request: "pool", row: "pool"), .prefers(request: "session", row: "sessions")],
    eligible: ("status", ["starting", "idle", "busy"]), keyField: "id", orderField: "serial")

  var id: String { "kernel-\(serial)" }

  var encoded: LuaEncoder {
    let encoder = LuaEncoder()
    encoder.append(text: id)
    encoder.append(integer: Int64(serial))
    encoder.append(text: pool)
    encoder.append(text: status)
    encoder.append(integer: clients)
    encoder.append(number: latency)
    encoder.append(number: load)
    encoder.append(texts: ["own\(serial)"])
    return encoder
  }

  static func random(_ serial: Int, _ random: inout SplitMix) -> Row {
    Row(
      serial: serial, pool: [nil, "a", "b"].randomElement(using: &random)!,
      status: ["starting", "idle", "idle", "busy", "stopping", "failed"].randomElement(using: &random)!,
      clients: Int64.random(in: 0...5, using: &random), latency: [nil, 0.1, 0.2, 3.5].randomElement(using: &random)!,
      load: [nil, 10, 50.5, 97, 200].randomElement(using: &random)!)
  }

  var isEligible: Bool { ["starting", "idle", "busy"].contains(status) }

  /// Finagle's metric; a kernel without a measurement is free to try, and the last choice when tried already.
  var wait: (Int, Double) {
    if let latency { return (0, latency * Double(clients + 1)) }
    return clients == 0 ? (0, 0) : (1, Double(clients))
  }
}

@Suite struct HelperTests {
  /// The rows as a script sees them, and as the reference does.
  private struct Fleet {
    let state: LuaState
    var rows: [Int: Row] = [:]
    let decide: (LuaState) throws -> LuaFunction

    init(_ body: String) throws {
      state = try LuaState(.policy)
      try state.openRows(Row.schema)
      let source = "return function(request, fleet) \(body) end"
      decide = { try $0.entry(source) }
    }

    var all: [Row] { rows.values.sorted { $0.serial < $1.serial } }

    mutating func change(_ random: inout SplitMix, upTo count: Int = 40) throws {
      let serial = Int.random(in: 1...count, using: &random)
      if Int.random(in: 0..<5, using: &random) == 0 {
        rows[serial] = nil
        try state.removeRow("kernel-\(serial)")
      } else {
        try put(Row.random(serial, &random))
      }
    }

    mutating func put(_ row: Row) throws {
      rows[row.serial] = row
      try state.putRow(row.encoded)
    }

    func ask(_ function: LuaFunction, pool: String? = nil, session: String? = nil) throws -> [LuaValue] {
      let request = LuaEncoder()
      request.append(text: pool)
      request.append(text: session)
      var reader = try state.decide(function, request, now: 0, deadline: luaNow() + 60_000_000_000)
      var values: [LuaValue] = []
      while reader.next != .end { values.append(reader.value()) }
      return values
    }
  }

  private func id(_ row: Row?) -> LuaValue { row.map { .text($0.id) } ?? .nil }

  private func best<Key>(_ rows: [Row], _ key: (Row) -> Key, _ precedes: (Key, Key) -> Bool) -> Row? {
    rows.reduce(nil) { best, row in best.map { precedes(key(row), key($0)) ? row : $0 } ?? row }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func choicesAndTotals(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var fleet = try Fleet(
      """
      local set = fleet:match(request)
      local a, b, c = set:most("clients"), set:most("load"), set:ewma()
      return a and a.id, b and b.id, c and c.id, set:sum("clients"), set:average("clients"), set:sum("load"),
        set:average("load"), fleet:sum("clients"), set:average("latency")
      """)
    let function = try fleet.decide(fleet.state)
    for _ in 0..<300 {
      try fleet.change(&random)
      let pool = [nil, "a", "b", "c"].randomElement(using: &random)!
      let found = fleet.all.filter { $0.isEligible && (pool == nil || $0.pool == pool) }
      let loads = found.compactMap(\.load), latencies = found.compactMap(\.latency)
      func average(_ values: [Double]) -> LuaValue {
        values.isEmpty ? .nil : .number(values.reduce(0, +) / Double(values.count))
      }
      let expected: [LuaValue] = [
        id(best(found, \.clients, >)), id(best(found, { $0.load ?? -.infinity }, >)), id(best(found, \.wait, <)),
        .integer(found.map(\.clients).reduce(0, +)), average(found.map { Double($0.clients) }),
        loads.isEmpty ? 0 : .number(loads.reduce(0, +)), average(loads),
        .integer(fleet.all.map(\.clients).reduce(0, +)), average(latencies),
      ]
      #expect(try fleet.ask(function, pool: pool) == expected)
    }
  }

  @Test(arguments: [4, 5] as [UInt64]) func whereAndPool(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var fleet = try Fleet(
      """
      local function ids(set) local t = {} for k in set:each() do t[#t + 1] = k.serial end return table.concat(t, " ") end
      return ids(fleet:where{clients = 2}), ids(fleet:match(request):where{clients = 2.0, load = 10}),
        ids(fleet:pool("a"):where{status = "idle"}), ids(fleet:where{pool = "a"}:where{clients = 0}),
        fleet:pool("a") == fleet:where{pool = "a"}, fleet:where{}:count(), ids(fleet:match(request):pool("b"))
      """)
    let function = try fleet.decide(fleet.state)
    for _ in 0..<300 {
      try fleet.change(&random)
      func ids(_ test: (Row) -> Bool) -> LuaValue {
        .text(fleet.all.filter(test).map { "\($0.serial)" }.joined(separator: " "))
      }
      let expected: [LuaValue] = [
        ids { $0.clients == 2 }, ids { $0.isEligible && $0.clients == 2 && $0.load == 10 },
        ids { $0.pool == "a" && $0.status == "idle" }, ids { $0.pool == "a" && $0.clients == 0 }, true,
        .integer(Int64(fleet.rows.count)), ids { $0.isEligible && $0.pool == "b" },
      ]
      #expect(try fleet.ask(function) == expected)
    }
  }

  @Test func aSessionsKernelIsFilteredToo() throws {
    var fleet = try Fleet(
      """
      local set = fleet:match(request)
      return set:count(), set:where{clients = 1}:count(), set:where{clients = 2}:count(), set:pool("a"):first().id,
        set:where{clients = 2}:least("clients"), set:sum("clients"), set:ring("x").id, set:two_choices("clients").id,
        set:random().id, set:ewma().id, set:most("clients").id, #set:where{clients = 2}:list()
      """)
    for serial in 1...5 { try fleet.put(Row(serial: serial, pool: "a", clients: 1)) }
    let function = try fleet.decide(fleet.state)
    let own: LuaValue = "kernel-3"
    #expect(
      try fleet.ask(function, session: "own3") == [1, 1, 0, own, .nil, 1, own, own, own, own, own, 0])
  }

  @Test func randomChoicesFollowTheSeedAndTheLoad() throws {
    var fleet = try Fleet("return fleet:random().serial, fleet:two_choices('clients').serial")
    for serial in 1...10 { try fleet.put(Row(serial: serial, clients: Int64(serial))) }
    let function = try fleet.decide(fleet.state)
    var chosen = [Int: Int](), better = [Int: Int]()
    for seed in 0..<5000 as Range<UInt64> {
      fleet.state.seedRandom(seed)
      let first = try fleet.ask(function)
      fleet.state.seedRandom(seed)
      #expect(try fleet.ask(function) == first)
      chosen[Int(first[0].integer!), default: 0] += 1
      better[Int(first[1].integer!), default: 0] += 1
    }
    // Each of ten is expected 500 times; of two different ones the k-th wins with (10 - k) of 45 pairs.
    for serial in 1...10 {
      #expect(abs(chosen[serial, default: 0] - 500) < 110)
      #expect(abs(Double(better[serial, default: 0]) - 5000 * Double(10 - serial) / 45) < 130)
    }
    #expect(better[10] == nil)
  }

  private func owners(_ fleet: Fleet, _ function: LuaFunction, _ keys: Range<Int>) throws -> [LuaValue] {
    try keys.map { try fleet.ask(function, session: "key\($0)")[0] }
  }

  @Test func aRingMovesOnlyWhatItMust() throws {
    var fleet = try Fleet("return fleet:ring(request.session).serial")
    var other = try Fleet("return fleet:ring(request.session).serial")
    for serial in 1...20 { try fleet.put(Row(serial: serial)) }
    for serial in (1...20).reversed() { try other.put(Row(serial: serial)) }
    let function = try fleet.decide(fleet.state)
    let before = try owners(fleet, function, 0..<2000)
    #expect(try owners(other, other.decide(other.state), 0..<2000) == before)
    for serial in 1...20 {
      let share = before.count { $0 == .integer(Int64(serial)) }
      #expect(share > 50 && share < 160)
    }
    try fleet.state.removeRow("kernel-7")
    let without = try owners(fleet, function, 0..<2000)
    for (old, new) in zip(before, without) { #expect(old == 7 ? new != 7 : old == new) }
    try fleet.put(Row(serial: 7))
    #expect(try owners(fleet, function, 0..<2000) == before)
  }

  @Test(arguments: [6, 7] as [UInt64]) func aRingBoundsLoads(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var fleet = try Fleet(
      "local a, b = fleet:ring(request.session, {load = 1.25}), fleet:ring(request.session) return a.serial, b.serial")
    for serial in 1...30 { try fleet.put(Row.random(serial, &random)) }
    let function = try fleet.decide(fleet.state)
    for key in 0..<1000 {
      let total = fleet.all.map(\.clients).reduce(0, +)
      let most = Int64((1.25 * Double(total + 1) / Double(fleet.rows.count)).rounded(.up))
      let answer = try fleet.ask(function, session: "key\(key)").map { Int($0.integer!) }
      #expect(fleet.rows[answer[0]]!.clients + 1 <= most)
      // Whoever has room gets its own keys.
      if fleet.rows[answer[1]]!.clients + 1 <= most { #expect(answer[0] == answer[1]) }
      var changed = fleet.rows[answer[0]]!
      changed.clients += key % 3 == 0 ? 1 : 0
      try fleet.put(changed)
      if key % 10 == 0 { try fleet.change(&random, upTo: 30) }
    }
  }

  /// The rule of Kubernetes' autoscaler, written down anew.
  private func desired(_ rows: [Row], _ target: Double) -> (Int, Double?) {
    let alive = rows.filter { $0.status != "stopping" && $0.status != "failed" }
    let ready = alive.filter { $0.status == "idle" || $0.status == "busy" }
    let known = ready.compactMap(\.load), missing = ready.count - known.count, unready = alive.count - ready.count
    guard !known.isEmpty else { return (alive.count, nil) }
    let average = known.reduce(0, +) / Double(known.count), ratio = average / target
    if missing == 0 && (unready == 0 || ratio <= 1) {
      return (abs(1 - ratio) <= 0.1 ? alive.count : Int((ratio * Double(known.count)).rounded(.up)), average)
    }
    let assumed =
      known + Array(repeating: ratio < 1 ? target : 0, count: missing)
      + Array(repeating: 0, count: ratio > 1 ? unready : 0)
    let used = assumed.reduce(0, +) / Double(assumed.count), cautious = used / target
    let wanted = Int((cautious * Double(assumed.count)).rounded(.up))
    if abs(1 - cautious) <= 0.1 || (ratio < 1) != (cautious < 1) || (wanted > alive.count) != (cautious > 1) {
      return (alive.count, used)
    }
    return (wanted, used)
  }

  @Test(arguments: [8, 9, 10] as [UInt64]) func desiredIsTheRuleOfTheAutoscaler(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var fleet = try Fleet(
      "local n, used = fleet:desired({name = 'a'}, 'load', tonumber(request.session)) return n, used")
    let function = try fleet.decide(fleet.state)
    for _ in 0..<400 {
      try fleet.change(&random, upTo: 12)
      let target = [20, 50, 80, 150].randomElement(using: &random)!
      let (wanted, used) = desired(fleet.all.filter { $0.pool == "a" }, Double(target))
      let answer = try fleet.ask(function, session: "\(target)")
      #expect(answer[0] == .integer(Int64(wanted)))
      #expect(answer[1].number == nil ? used == nil : used.map { abs($0 - answer[1].number!) < 1e-9 } == true)
    }
  }

  @Test(arguments: [
    ("fleet:least('client')", "no field 'client'"), ("fleet:two_choices()", "string expected"),
    ("fleet:two_choices('id')", "not a number"), ("fleet:sum('id')", "not a number"),
    ("fleet:most('sessions')", "not a number"), ("fleet:where{client = 1}", "no field 'client'"),
    ("fleet:where{1}", "names of fields"), ("fleet:where('x')", "table expected"),
    ("fleet:where{id = {}}", "compares strings, numbers and booleans"), ("fleet:pool()", "string expected"),
    ("fleet:ring()", "needs a key"), ("fleet:ring('x', {load = 0.5})", "at least 1"),
    ("fleet:ring('x', {})", "{load = 1.25}"), ("fleet:ring({})", "string expected"),
    ("fleet:desired('a', 'load', 0)", "above 0"), ("fleet:desired(5, 'load', 1)", "a pool or its name"),
    ("fleet:desired('a', 'x', 1)", "no field 'x'"), ("fleet.random()", "a set of kernels expected"),
    ("local t = {} for i = 1, 1000 do t['k' .. i] = i end fleet:where(t)", "no field"),
  ])
  func mistakesAreTold(_ call: String, _ complaint: String) throws {
    var fleet = try Fleet("\(call)")
    for serial in 1...3 { try fleet.put(Row(serial: serial)) }
    let function = try fleet.decide(fleet.state)
    let error = #expect(throws: LuaError.self) { try fleet.ask(function) }
    #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    #expect(try fleet.ask(fleet.state.entry("return function(_, f) return f:count() end")) == [3])
  }

  @Test func emptySetsAnswer() throws {
    let fleet = try Fleet(
      """
      return fleet:random(), fleet:two_choices("clients"), fleet:ring("x"), fleet:ewma(), fleet:most("clients"),
        fleet:sum("clients"), fleet:average("clients"), fleet:where{clients = 1}:count(), fleet:desired("a", "load", 1)
      """)
    #expect(try fleet.ask(fleet.decide(fleet.state)) == [.nil, .nil, .nil, .nil, .nil, 0, .nil, 0, 0, .nil])
  }

  /// The n-th allocation fails, for every n until all helpers have answered; afterwards the fleet is in order.
  @Test(arguments: [1, .max] as [UInt64]) func everyAllocationMayFail(_ count: UInt64) throws {
    var n: UInt64 = 1
    while true {
      var fleet = try Fleet(
        """
        local set = fleet:match(request)
        local t = {set:most("clients"), set:where{clients = 1, pool = "a"}:first(), fleet:pool("b"):ring("x", {load = 2}),
          set:ring("y"), set:ewma(), set:two_choices("load"), set:random(), set:sum("load"), set:average("clients"),
          fleet:desired("a", "load", 50)}
        return #t
        """)
      let function = try fleet.decide(fleet.state)
      for serial in 1...20 {
        try fleet.put(Row(serial: serial, pool: serial % 2 == 0 ? "a" : "b", clients: 1, load: 5))
      }
      fleet.state.failAllocations(from: n, count: count)
      _ = try? fleet.ask(function)
      for serial in 15...40 { _ = try? fleet.state.putRow(Row(serial: serial, pool: "a", load: 9).encoded) }
      let failed = fleet.state.didFailAllocation
      fleet.state.failAllocations(from: 0)
      try fleet.put(Row(serial: 1, pool: "b", clients: 9))
      #expect(
        try fleet.ask(fleet.state.entry("return function(_, f) return f:most('clients').id end")) == [
          "kernel-1"
        ])
      if !failed { break }
      n += 1
    }
    #expect(n > 30)
  }
}
