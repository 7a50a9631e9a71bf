// Answers as fixtures see them: the tables that the policy returned, as the host has read and checked them.

import FleetEngine
import LuaRuntime

extension Answer {
  /// - Parameter name: the id that fixtures know a kernel by, of its UUID.
  func fields(_ name: (String) -> String) -> LuaValue {
    switch self {
    case .admit(.allow(let limits)): .record(["allow": limits == Limits() ? .boolean(true) : limits.fields])
    case .admit(.reject(let why)), .route(.reject(let why)): .record(["reject": .text(why)])
    case .route(.use(let id)): .record(["use": .text(id)])
    case .route(.spawn(let config, let language)):
      .record(["spawn": .record(["config": .text(config), "language": .text(language)])])
    case .route(.wait(let seconds)): .record(["wait": .plain(seconds)])
    case .scale(let answer):
      .record([
        "wanted": .integer(Int64(answer.wanted)),
        "retire": .sequence(answer.retire.map { .text($0) }),
      ])
    case .alert(let conditions): .sequence(conditions.map { $0.fields(name) })
    case .restart(.restart(let seconds)): .record(["after": .plain(seconds)])
    case .restart(.giveUp(let why)): .record(["give_up": .text(why)])
    }
  }
}

extension AlertCondition {
  fileprivate func fields(_ name: (String) -> String) -> LuaValue {
    .record([
      "name": .text(self.name), "kernel": kernel.map { .text(name($0)) } ?? .nil, "severity": .text(severity),
      "summary": .text(summary), "value": value.map(LuaValue.plain) ?? .nil,
      "labels": .table(
        LuaTable(pairs: labels.sorted { $0.key < $1.key }.map { LuaTable.Pair(.text($0.key), .text($0.value)) })),
      "for": .plain(hold.seconds), "keep_firing_for": .plain(keepFiring.seconds),
    ])
  }
}

extension Limits {
  fileprivate var fields: LuaValue {
    .record([
      "memory": memory.map(LuaValue.integer) ?? .nil, "cpu": cpu.map(LuaValue.plain) ?? .nil,
      "processes": processes.map { .integer(Int64($0)) } ?? .nil,
      "open_files": openFiles.map { .integer(Int64($0)) } ?? .nil, "file_size": fileSize.map(LuaValue.integer) ?? .nil,
      "nice": nice.map { .integer(Int64($0)) } ?? .nil,
    ])
  }
}

extension LuaValue {
  static func text(_ text: String?) -> LuaValue { text.map { LuaValue.string(Array($0.utf8)) } ?? .nil }

  /// An integer where it is one: people write 2, not 2.0.
  static func plain(_ number: Double) -> LuaValue { Int64(exactly: number).map(LuaValue.integer) ?? .number(number) }
}
