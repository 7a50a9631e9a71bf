// A table of functions that a chunk returned.

import CLua

/// The functions of a chunk that ends with `return { name = function … }`.
public final class LuaModule {
  private let state: LuaState
  private let reference: Int32

  fileprivate init(state: LuaState, reference: Int32) {
    self.state = state
    self.reference = reference
  }

  deinit { clua_release(state.vm, reference) }

  /// The function under a name; nil if there is nothing.
  /// - Throws: `.type` if there is something else.
  public func function(_ name: String) throws(LuaError) -> LuaFunction? {
    var found: Int32 = 0
    try state.check(clua_module_function(state.vm, reference, name, &found))
    return found > 0 ? LuaFunction(state: state, reference: found) : nil
  }

  /// All that is in the table; functions in it are opaque.
  public func contents() throws(LuaError) -> LuaTable {
    try state.check(clua_module_contents(state.vm, reference))
    return state.results().first?.table ?? LuaTable()
  }
}

extension LuaState {
  /// Runs a chunk and keeps the table that it returns.
  /// - Throws: `.type` if it returns anything else; and what the chunk raises.
  public func module(_ chunk: LuaFunction, deadline: Duration? = nil) throws(LuaError) -> LuaModule {
    precondition(chunk.state === self, "a function belongs to the state that it was made in")
    var reference: Int32 = 0
    let moment = deadline.map { clua_now() + $0.inNanoseconds } ?? 0
    try check(clua_open_module(vm, chunk.reference, moment, &reference))
    return LuaModule(state: self, reference: reference)
  }
}
