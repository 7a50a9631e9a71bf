// Between Lua values and JSON, for what goes to a host or a client and comes from it.
import JSON
import LuaRuntime

extension JSON {
  /// - Throws: when a value has no JSON form, such as a function or a table with mixed keys.
  init(_ value: LuaValue) throws(ScriptError) {
    switch value {
    case .nil: self = .null
    case .boolean(let value): self = .bool(value)
    case .integer(let value): self = .int(value)
    case .number(let value): self = .double(value)
    case .string: self = .string(value.text ?? "")
    case .opaque(let what): throw ScriptError("a \(what) has no form in JSON")
    case .table(let table):
      if table.pairs.isEmpty && !table.array.isEmpty {
        var elements: [JSON] = []
        for element in table.array { elements.append(try JSON(element)) }
        self = .array(elements)
        return
      }
      guard table.array.isEmpty else {
        throw ScriptError("a table with both a list and names has no form in JSON")
      }
      var members: [String: JSON] = [:]
      for pair in table.pairs {
        guard let key = pair.key.text else { throw ScriptError("a table in JSON has a list or names as keys") }
        members[key] = try JSON(pair.value)
      }
      self = .object(members)
    }
  }
}

extension LuaValue {
  /// Null becomes nil, which a table leaves out.
  init(_ json: JSON) {
    switch json {
    case .null: self = .nil
    case .bool(let value): self = .boolean(value)
    case .int(let value): self = .integer(value)
    case .double(let value): self = .number(value)
    case .string(let value): self = .text(value)
    case .array(let elements): self = .sequence(elements.map { LuaValue($0) })
    case .object(let members):
      let pairs = members.sorted { $0.key < $1.key }.map { LuaTable.Pair(.text($0.key), LuaValue($0.value)) }
      self = .table(LuaTable(pairs: pairs.filter { !$0.value.isNil }))
    }
  }
}
