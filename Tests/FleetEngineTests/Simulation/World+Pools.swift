// The pools of a simulated world, and what people are told of alerts.
import FleetEngine

/// What tells alerts apart.
struct AlertIdentity: Hashable {
  let source: String
  let name: String
  let kernel: String?
  let labels: [String: String]

  init(_ alert: Alert) {
    source = alert.source
    (name, kernel, labels) = (alert.condition.name, alert.condition.kernel, alert.condition.labels)
  }
}

extension World {
  /// Some worlds have no pools, some have them without policies, and some have a policy for everything.
  static func configuration(_ random: inout SplitMix64) -> EngineConfiguration {
    var configuration = EngineConfiguration()
    let kind = random.below(3)
    guard kind > 0 else { return configuration }
    var rules = ScalingRules()
    rules.interval = .seconds(5)
    rules.downWindow = .seconds(random.below(30))
    rules.cooldown = .seconds(random.below(10))
    for name in ["a", "b"] {
      configuration.pools.append(
        Pool(
          name: name, minimum: random.below(3), maximum: 2 + random.below(4), warm: random.below(3), scaling: rules))
    }
    if kind == 2 { configuration.entries = Set(EntryPoint.allCases) }
    if random.one(in: 6) { configuration.entries.remove(.route) }
    return configuration
  }

  /// Policies are asked for ever.
  var isPeriodic: Bool { !configuration.entries.isDisjoint(with: [.scale, .alert]) }

  /// A kernel of a pool that is nobody's own: it may go without anybody's word.
  func isLentOnly(_ kernel: Kernel) -> Bool {
    kernel.isDraining || (kernel.specification.pool != nil && !kernel.isClaimed)
  }

  /// The host makes kernels: as many as were asked for, or fewer, or more, or none, or says nothing.
  func provide(_ pool: String, _ count: Int) {
    if mishap(.hostMakesOthers, 40) { return }
    if mishap(.hostMakesOthers, 15) {
      return tell(.provided(pool: pool, .failure(EngineError(.configNotFound, "no such config"))))
    }
    let made = mishap(.hostMakesOthers, 10) ? random.below(4) : count
    let template = Specification(
      kernelspec: "lua", language: "lua", config: pool == "b" ? "/etc/openai.toml" : nil, pool: pool)
    tell(.provided(pool: pool, .success((0..<made).map { _ in newKernel(template) })))
  }

  /// A kernel that somebody asked for himself is given to nobody else.
  func checkOwner(_ request: Clients.Request, _ result: Result<Reply, EngineError>) throws {
    guard case .spawn = request, case .success(.kernel(let kernel)) = result else { return }
    guard clients.owned.insert(kernel.id).inserted else {
      throw Violation("\(kernel.id) was given to somebody who asked for one of his own, for the second time")
    }
    if kernel.specification.pool != nil {
      tally.claims += 1
      if !kernel.isClaimed { throw Violation("\(kernel.id) was given away, and is still the pool's") }
    }
  }

  func told(_ changes: [AlertChange]) throws {
    for change in changes {
      let identity = AlertIdentity(change.alert)
      switch change {
      case .firing:
        guard drivers.firing.insert(identity).inserted else { throw Violation("\(identity) fires twice") }
        let held = change.alert.firedAt.map { $0 - change.alert.since } ?? .zero
        if held < change.alert.condition.hold { throw Violation("\(identity) fires too early") }
      case .resolved:
        guard drivers.firing.remove(identity) != nil else { throw Violation("\(identity) is over, and never began") }
      }
    }
  }

  func anyConditions() -> [AlertCondition] {
    guard !isCalm else { return [] }
    return ["a", "b", "c"].filter { _ in random.one(in: 2) }.map {
      AlertCondition(
        name: $0, hold: .seconds(random.below(3) * 10), keepFiring: .seconds(random.below(2) * 15))
    }
  }
}
