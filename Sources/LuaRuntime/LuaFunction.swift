// A function that Swift holds on to.

import CLua

/// A function inside a state, kept alive by this object and released with it.
public final class LuaFunction {
  let state: LuaState
  let reference: Int32

  init(state: LuaState, reference: Int32) {
    self.state = state
    self.reference = reference
  }

  deinit { clua_release(state.vm, reference) }
}
