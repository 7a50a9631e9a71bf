// Rows, pools and alerts as plain values, and values as people write them.

import FleetEngine
import LuaRuntime

extension KernelRow {
  /// The fields that a policy sees; what is nil is left out.
  var fields: LuaValue {
    func integer(_ value: Int?) -> LuaValue { value.map { .integer(Int64($0)) } ?? .nil }
    func time(_ value: Instant?) -> LuaValue { value.map { .plain($0.seconds) } ?? .nil }
    return .record([
      "id": .text(id), "uuid": .text(uuid), "serial": integer(serial), "name": .text(name),
      "language": .text(language), "kernelspec": .text(kernelspec), "config": .text(config),
      "provider": .text(provider), "model": .text(model), "memory_limit": memoryLimit.map(LuaValue.integer) ?? .nil,
      "port": integer(port), "owner": .text(owner), "pool": .text(pool), "status": .text(status),
      "clients": integer(clients), "restarts": integer(restarts),
      "labels": .table(
        LuaTable(pairs: labels.sorted { $0.key < $1.key }.map { LuaTable.Pair(.text($0.key), .text($0.value)) })),
      "sessions": .sequence(sessions.map { .text($0) }), "connections": integer(connections), "ready_at": time(readyAt),
      "idle_since": time(idleSince), "crashes": integer(crashes), "memory": memory.map(LuaValue.integer) ?? .nil,
      "cpu": cpu.map(LuaValue.plain) ?? .nil, "threads": integer(threads),
      "latency": latency.map(LuaValue.plain) ?? .nil,
    ])
  }
}

extension Alert {
  /// - Parameter kernel: how people call a kernel, of its UUID or id.
  func fields(_ kernel: (String) -> String) -> LuaValue {
    .record([
      "name": .text(condition.name), "kernel": condition.kernel.map { .text(kernel($0)) } ?? .nil,
      "state": .text(state.rawValue), "severity": .text(condition.severity), "summary": .text(condition.summary),
      "value": condition.value.map(LuaValue.plain) ?? .nil,
      "labels": .table(
        LuaTable(
          pairs: condition.labels.sorted { $0.key < $1.key }.map { LuaTable.Pair(.text($0.key), .text($0.value)) })),
    ])
  }
}

extension LuaValue {
  /// As it would be written in Lua.
  var shown: String {
    switch self {
    case .nil: return "nil"
    case .boolean(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value): return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    case .string: return "\"\(text ?? "")\""
    case .opaque(let what): return what
    case .table(let table):
      let parts = table.array.map(\.shown) + table.pairs.map { "\($0.key.text ?? $0.key.shown) = \($0.value.shown)" }
      return parts.isEmpty ? "{}" : "{ \(parts.joined(separator: ", ")) }"
    }
  }

  /// Whether all that is expected here is found there: fields that are not mentioned may be anything.
  func isFound(in actual: LuaValue) -> Bool {
    if let number, let other = actual.number { return abs(number - other) <= 1e-9 * max(1, abs(number)) }
    guard let expected = table, let found = actual.table else { return self == actual }
    guard expected.array.count == found.array.count || expected.array.isEmpty && !expected.pairs.isEmpty else {
      return false
    }
    return zip(expected.array, found.array).allSatisfy { $0.isFound(in: $1) }
      && expected.pairs.allSatisfy { pair in
        found.pairs.contains { $0.key == pair.key && pair.value.isFound(in: $0.value) }
      }
  }

  /// Only the fields that another table has.
  func limited(to other: LuaValue) -> LuaValue {
    guard let mine = table, let others = other.table, mine.array.isEmpty else { return self }
    return .table(
      LuaTable(
        pairs: others.pairs.compactMap { pair in
          mine.pairs.first { $0.key == pair.key }.map { LuaTable.Pair($0.key, $0.value.limited(to: pair.value)) }
        }))
  }
}
