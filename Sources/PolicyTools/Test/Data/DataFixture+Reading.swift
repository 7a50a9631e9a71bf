// Reads TOML fixtures. Every error names the file, the line and what is allowed there.

import FleetConfiguration
import FleetEngine
import LuaRuntime
import PolicyHost

/// A fixture in TOML.
struct DataFixture {
  let file: AuthorFile
  /// Path of the policy, if the fixture names another than its own name does.
  private(set) var policy: String?
  private(set) var tests: [DataTest] = []
  private(set) var traces: [GoldenTrace] = []

  init(_ file: AuthorFile) throws(ConfigurationError) {
    self.file = file
    var reader = try TableReader(text: file.text, file: file.path)
    let directory = FilePath.directory(of: file.path)
    policy = try reader.string("policy").map { FilePath.resolve($0, against: directory) }
    for table in try reader.tables("test") { tests.append(try DataTest(table)) }
    for table in try reader.tables("golden") { traces.append(try GoldenTrace(table, directory)) }
    try reader.finish()
  }
}

extension DataTest {
  init(_ table: TableReader) throws(ConfigurationError) {
    var reader = table
    guard let name = try reader.string("name") else {
      throw ConfigurationError(.badValue, "a [[test]] needs a name", file: table.file, at: table.position)
    }
    self.init(name: name, position: table.position)
    if let given = try reader.duration("interval") { interval = given }
    guard interval > .zero else { throw reader.badValue("interval", "steps of no length lead nowhere") }
    if let given = try reader.integer("seed", in: 0...Int64.max) { seed = UInt64(given) }
    for table in try reader.tables("kernel") { kernels.append(try DataKernel(table)) }
    if var names = try reader.table("pools") {
      for name in names.names { if let table = try names.table(name) { pools.append(try DataPool(table, name)) } }
    }
    for table in try reader.tables("event") { items.append(try DataItem(event: table)) }
    for table in try reader.tables("ask") { items.append(try DataItem(ask: table)) }
    for table in try reader.tables("expect") { items.append(try DataItem(expect: table)) }
    for text in try reader.strings("invariants") ?? [] {
      invariants.append(DataCondition(text: text, position: reader.position(of: "invariants")))
    }
    let given = try reader.duration("duration")
    try reader.finish()
    let last = items.map(\.at).max() ?? .zero
    let longest = (kernels.flatMap(\.fields) + pools.flatMap(\.fields)).map(\.field.steps).max() ?? 1
    steps = max(Self.steps(given ?? last, interval), given == nil ? longest - 1 : 0, Self.steps(last, interval))
    guard steps <= 100_000 else {
      throw reader.badValue("interval", "the test has \(steps) steps, more than 100000; make them longer")
    }
  }

  static func steps(_ time: Duration, _ interval: Duration) -> Int { Int(time.nanoseconds / interval.nanoseconds) }
}

extension DataKernel {
  init(_ table: TableReader) throws(ConfigurationError) {
    var reader = table
    count = try reader.integer("count", in: 1...10_000) ?? 1
    position = table.position
    positions = Dictionary(uniqueKeysWithValues: reader.names.map { ($0, table.position(of: $0)) })
    fields = try reader.fields(except: ["count"])
  }
}

extension DataPool {
  init(_ table: TableReader, _ name: String) throws(ConfigurationError) {
    var reader = table
    pool = Pool(
      name: name, minimum: try reader.integer("min", in: 0...100_000) ?? 0,
      maximum: try reader.integer("max", in: 1...100_000) ?? 10,
      warm: try reader.integer("warm", in: 0...100_000) ?? 0)
    if let seconds = try reader.duration("scale_up_window") { pool.scaling.upWindow = seconds }
    if let seconds = try reader.duration("scale_down_window") { pool.scaling.downWindow = seconds }
    if let seconds = try reader.duration("cooldown") { pool.scaling.cooldown = seconds }
    if let ratio = try reader.number("tolerance") { pool.scaling.tolerance = ratio }
    pool.scaling.upStep = try reader.step("scale_up_step") ?? pool.scaling.upStep
    pool.scaling.downStep = try reader.step("scale_down_step") ?? pool.scaling.downStep
    startDelay = try reader.duration("start_delay") ?? .zero
    position = table.position
    fields = []
    for key in ["waiting", "arrivals"] {
      if let node = reader.node(key) { fields.append((key, try reader.field(key, node))) }
    }
    try reader.finish()
  }
}

extension TableReader {
  /// Fields of kernels, whose names are checked when rows are made of them.
  fileprivate mutating func fields(except others: [String]) throws(ConfigurationError) -> [(String, DataField)] {
    var fields: [(String, DataField)] = []
    for key in names where !others.contains(key) {
      if let node = node(key) { fields.append((key, try field(key, node))) }
    }
    return fields
  }

  /// What changes over time is written as a series of numbers, or as an array with a value for each step.
  fileprivate func field(_ key: String, _ node: TOMLNode) throws(ConfigurationError) -> DataField {
    let numeric = [
      "clients", "connections", "crashes", "restarts", "memory", "memory_limit", "cpu", "threads", "latency", "waiting",
      "arrivals",
    ]
    switch node.content {
    case .string(let text) where numeric.contains(key) && Series.isMeant(by: text):
      do throws(ValueError) { return .series(try Series(parsing: text)) } catch {
        throw badValue(key, error.description)
      }
    case .array(let nodes) where key != "sessions": return .list(nodes.map { LuaValue($0) })
    default: return .constant(LuaValue(node))
    }
  }

  /// `{ count = 4, percent = 100, period = "15s" }`
  fileprivate mutating func step(_ key: String) throws(ConfigurationError) -> ScalingStep? {
    guard var reader = try table(key) else { return nil }
    var step = ScalingStep(
      count: try reader.integer("count", in: 0...100_000), percent: try reader.integer("percent", in: 0...100_000))
    if let period = try reader.duration("period") { step.period = period }
    try reader.finish()
    return step
  }
}

extension DataItem {
  init(event table: TableReader) throws(ConfigurationError) {
    var reader = table
    (at, position) = (try reader.at(), table.position)
    let kernel = try reader.string("kernel")
    if var set = try reader.table("set") {
      guard let kernel else { throw table.missing("kernel") }
      content = .set(kernel: kernel, try set.fields(except: []))
    } else if let add = try reader.table("add") {
      content = .add(try DataKernel(add))
    } else if try reader.bool("remove") == true {
      guard let kernel else { throw table.missing("kernel") }
      content = .remove(kernel: kernel)
    } else if try reader.bool("reload") == true {
      content = .reload
    } else {
      throw ConfigurationError(
        .badValue, "an event says what happens: set, add, remove = true or reload = true", file: table.file,
        at: table.position)
    }
    try reader.finish()
  }

  init(ask table: TableReader) throws(ConfigurationError) {
    var reader = table
    (at, position) = (try reader.at(), table.position)
    var asked: (EntryPoint, LuaValue)?
    for entry in EntryPoint.allCases {
      guard let node = reader.node(entry.rawValue) else { continue }
      asked = (entry, LuaValue(node))
    }
    guard let (entry, value) = asked else {
      throw ConfigurationError(
        .badValue,
        "a question says what is asked: route = {…}, admit = {…}, scale = \"POOL\", alert = true or "
          + "restart = {…}", file: table.file, at: table.position)
    }
    var ask = DataAsk(entry: entry, subject: value, hasNoOpinion: try reader.bool("no_opinion") ?? false)
    ask.name = entry == .scale ? value.text : try reader.string("kernel")
    ask.answer = reader.node("answer").map { LuaValue($0) }
    ask.reason = try reader.string("reason")
    ask.fails = try reader.string("fails")
    if ask.answer == nil, ask.reason == nil, ask.fails == nil, !ask.hasNoOpinion {
      throw ConfigurationError(
        .badValue, "a question needs one of answer, reason, no_opinion = true and fails", file: table.file,
        at: table.position)
    }
    if entry == .restart, ask.name == nil { throw table.missing("kernel") }
    if entry == .scale, ask.name == nil { throw table.badValue("scale", "write the name of a pool") }
    content = .ask(ask)
    try reader.finish()
  }

  init(expect table: TableReader) throws(ConfigurationError) {
    var reader = table
    (at, position) = (try reader.at(), table.position)
    var expectation = DataExpectation()
    if let node = reader.node("alerts") {
      guard let list = LuaValue(node).table, list.pairs.isEmpty, list.array.allSatisfy({ $0.table != nil }) else {
        throw reader.wrongType("alerts", node, expected: "an array of tables such as { name = \"HighMemory\" }")
      }
      expectation.alerts = list.array
    }
    if var pools = try reader.table("pools") {
      for name in pools.names {
        guard let node = pools.node(name), let fields = LuaValue(node).table else {
          throw pools.badValue(name, "write the values that are expected, such as { wanted = 4 }")
        }
        expectation.pools.append((name, fields))
      }
    }
    if let text = try reader.string("holds") {
      expectation.condition = DataCondition(text: text, position: reader.position(of: "holds"))
    }
    content = .expect(expectation)
    try reader.finish()
  }
}

extension TableReader {
  fileprivate mutating func at() throws(ConfigurationError) -> Duration { try duration("at") ?? .zero }

  fileprivate func missing(_ key: String) -> ConfigurationError {
    ConfigurationError(.badValue, "\(section) needs \"\(key)\"", file: file, at: position)
  }
}
