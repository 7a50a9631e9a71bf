// What the prelude of Lua fixtures calls: the policy, and what only Swift can check.

import FleetConfiguration
import FleetEngine
import LuaRuntime
import PolicyHost

/// Answers in values: a complaint, or nil and what was asked for. Only the prelude raises, because it knows whose line
/// is to blame.
struct LuaFixtureHost {
  let policy: PolicyUnderTest
  let assertions: [LuaAssertion]

  func register(in state: LuaState) throws(LuaError) {
    let policy = policy
    // More values would hide those that matter.
    let counts = assertions.map { Int64(min($0.values.count, 12)) }
    try state.register("__host.value_count") { arguments in
      [.integer(arguments.first?.integer.map { counts[Int($0)] } ?? 0)]
    }
    try state.register("__host.begin") { _ in
      policy.begin()
      return []
    }
    try state.register("__host.reload") { _ in
      Self.answer { () throws(ToolError) in
        do throws(PolicyError) { try policy.reload() } catch { throw ToolError(error.description) }
        return []
      }
    }
    try state.register("__host.check_kernel") { arguments in
      Self.answer { () throws(ToolError) in
        let row = try KernelFields.row(arguments[0], serial: 1)
        return [.record(["id": .text(row.id), "uuid": .text(row.uuid)])]
      }
    }
    try state.register("__host.seconds") { arguments in
      Self.answer { () throws(ToolError) in [.plain(try FieldReader.seconds(arguments.first ?? .nil, "the time"))] }
    }
    try state.register("__host.unknown_matcher") { arguments in
      let known = arguments[1].table?.array.compactMap(\.text) ?? []
      let name = arguments[0].text ?? "?"
      return [.text("expect has no matcher \"\(name)\"" + NearestName.hint(for: name, among: known, what: "there are"))]
    }
    try state.register("__host.ask") { arguments in
      Self.answer { () throws(ToolError) in try Self.ask(policy, arguments) }
    }
  }

  private static func answer(_ body: () throws(ToolError) -> [LuaValue]) -> [LuaValue] {
    do throws(ToolError) { return [.nil] + (try body()) } catch { return [.text(error.description)] }
  }

  /// Arguments: entry point, fleet, now, seed, and what the entry point asks about.
  private static func ask(_ policy: PolicyUnderTest, _ arguments: [LuaValue]) throws(ToolError) -> [LuaValue] {
    guard let entry = arguments[0].text.flatMap(EntryPoint.init(rawValue:)), let now = arguments[2].number,
      let seed = arguments[3].integer
    else { preconditionFailure("the prelude asks with an entry point, a fleet, a time and a seed") }
    let rows = try fleet(arguments[1])
    let given = arguments.dropFirst(4).first ?? .nil
    let subject: PolicyQuestion.Subject =
      switch entry {
      case .admit: try .admit(given)
      case .route: try .route(given)
      case .scale: try .scale(given, rows)
      case .alert: .alert
      case .restart: try .restart(given.table?["uuid"]?.text ?? "", arguments[5])
      }
    let question = PolicyQuestion(subject, now: Instant(seconds: now), seed: UInt64(bitPattern: seed))
    do throws(PolicyError) {
      try policy.show(rows)
      let answer = try policy.ask(question)
      if let failure = answer.failure { throw PolicyError("the policy failed: \(failure)") }
      let ids = Dictionary(rows.map { ($0.uuid, $0.id) }, uniquingKeysWith: { first, _ in first })
      return [answer.answer?.fields { ids[$0] ?? $0 } ?? .nil, .text(answer.reason)]
    } catch { throw ToolError(error.description) }
  }

  private static func fleet(_ value: LuaValue) throws(ToolError) -> [KernelRow] {
    guard let table = value.table, table.pairs.isEmpty else {
      throw ToolError("the fleet must be made by fleet{…}, a list of kernels")
    }
    var rows: [KernelRow] = []
    var seen: Set<String> = []
    for element in table.array {
      let row = try KernelFields.row(element, serial: 0)
      guard seen.insert(row.uuid).inserted else { throw ToolError("the kernel \(row.id) is in the fleet twice") }
      rows.append(row)
    }
    return rows
  }
}
