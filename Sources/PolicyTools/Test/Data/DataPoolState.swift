// What became of a pool so far in a data test.

import FleetEngine
import LuaRuntime

struct DataPoolState {
  let data: DataPool
  private(set) var view: PoolView
  private var scaler: Scaler
  private var asked: Int?
  private(set) var wanted = 0
  private var reason: String?
  private var clamps: [String] = []

  init(_ data: DataPool) {
    self.data = data
    view = PoolView(
      name: data.pool.name, minimum: data.pool.minimum, maximum: data.pool.maximum, warm: data.pool.warm)
    scaler = Scaler(data.pool)
  }

  /// Counts the pool's kernels, and takes what the test says of it at a step.
  mutating func look(_ rows: [KernelRow], _ step: Int) { self = looked(rows, step) }

  func looked(_ rows: [KernelRow], _ step: Int) -> DataPoolState {
    var state = self
    state.view = PoolView(
      name: view.name, minimum: view.minimum, maximum: view.maximum, warm: view.warm)
    state.view.count(rows)
    for (key, field) in data.fields {
      let number = field.value(at: step).number ?? 0
      if key == "waiting" { state.view.waiting = Int(number) } else { state.view.arrivals = number }
    }
    return state
  }

  /// What the host makes of an answer.
  /// - Returns: those that the policy would retire first.
  mutating func settle(_ answer: PolicyAnswer, _ now: Instant) -> [String] {
    let present = Scaler.Present(kernels: view.kernels, used: view.used)
    let verdict: Scaler.Verdict
    var retire: [String] = []
    if case .scale(let scale) = answer.answer {
      verdict = scaler.settle(asked: scale.wanted, present, now)
      (asked, retire) = (scale.wanted, scale.retire)
    } else {
      verdict = scaler.native(present, now)
      asked = nil
    }
    scaler.changed(by: verdict.wanted - view.kernels, now)
    (wanted, clamps, reason) = (verdict.wanted, verdict.clamps, answer.reason)
    return retire
  }

  /// What expectations and conditions see.
  var fields: LuaValue {
    func integer(_ value: Int) -> LuaValue { .integer(Int64(value)) }
    return .record([
      "name": .text(view.name), "wanted": integer(wanted), "asked": asked.map(integer) ?? .nil,
      "kernels": integer(view.kernels), "starting": integer(view.starting), "used": integer(view.used),
      "free": integer(view.free), "draining": integer(view.draining), "waiting": integer(view.waiting),
      "arrivals": .plain(view.arrivals), "reason": .text(reason), "clamps": .sequence(clamps.map { .text($0) }),
    ])
  }
}
