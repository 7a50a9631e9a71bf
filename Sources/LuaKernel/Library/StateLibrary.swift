// `state` for scripts: get, set, delete, keys, clear.
import LuaRuntime

enum StateLibrary {
  static func install(in state: LuaState, store: StateStore) throws(LuaError) {
    try state.register("state.get") { arguments in
      let value = try store.get(try key(arguments, "get"))
      return [value.isNil && arguments.count > 1 ? arguments[1] : value]
    }
    try state.register("state.set") { arguments in
      let key = try key(arguments, "set")
      let value = arguments.count > 1 ? arguments[1] : .nil
      // As in a table: nil removes.
      if value.isNil { _ = try store.delete(key) } else { try store.set(key, value) }
      return []
    }
    try state.register("state.delete") { arguments in [.boolean(try store.delete(try key(arguments, "delete")))] }
    try state.register("state.keys") { arguments in
      let prefix = arguments.isEmpty || arguments[0].isNil ? [] : try key(arguments, "keys")
      return [.sequence(try store.keys(prefix: prefix).map { .string($0) })]
    }
    try state.register("state.clear") { _ in
      try store.clear()
      return []
    }
    try state.call(state.load(guardian, name: "state"))
  }

  /// A field of the table looks like something that is kept, and would be forgotten with the process.
  private static let guardian = """
    setmetatable(state, {
      __newindex = function(_, name)
        local key = type(name) == "string" and string.format("%q", name) or tostring(name)
        error("state." .. tostring(name) .. " = … would not be kept; write state.set(" .. key .. ", value)", 2)
      end,
    })
    """

  private static func key(_ arguments: [LuaValue], _ function: String) throws(ScriptError) -> [UInt8] {
    switch arguments.first {
    case .string(let bytes): return bytes
    case .integer(let number): return Array("\(number)".utf8)
    case let other:
      throw ScriptError("state.\(function): the key must be a string, not \(other?.typeName ?? "nothing")")
    }
  }
}
