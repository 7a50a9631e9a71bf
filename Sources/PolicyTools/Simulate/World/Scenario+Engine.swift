// What the engine is configured with, and what the host would make of templates.
import FleetConfiguration
import FleetEngine

extension Scenario {
  func engineConfiguration(_ entries: Set<EntryPoint>) -> EngineConfiguration {
    var configuration = engine
    configuration.entries = entries
    configuration.pools = pools.sorted { $0.key < $1.key }.map { name, pool in
      Pool(
        name: name, minimum: pool.minimum, maximum: pool.maximum, warm: pool.warm,
        scaling: ScalingRules(pool.scaling))
    }
    return configuration
  }

  /// What a pool starts.
  func template(of name: String) -> Specification? {
    guard let pool = pools[name] else { return nil }
    let language = pool.language ?? pool.kernelspec.map { $0.hasPrefix("python") ? "python" : $0 } ?? "lua"
    return Specification(
      kernelspec: pool.kernelspec ?? language, language: language, config: pool.config, labels: pool.labels,
      pool: name, limits: FleetEngine.Limits(memory: pool.limits.memory?.bytes, cpu: pool.limits.cpu?.cores))
  }

  var restartsHost: Bool { faults.contains { $0.kind == .restartHost } }

  /// The wall time of an instant of the simulation, which begins on a Monday: 1 January 2024 is one.
  func wallMilliseconds(_ now: Int64) -> Int64 { 1_704_067_200_000 + (begins + now) / 1_000_000 }
}

extension ScalingRules {
  init(_ scaling: FleetConfiguration.Scaling) {
    self.init()
    interval = scaling.interval
    tolerance = scaling.tolerance
    upWindow = scaling.upWindow
    downWindow = scaling.downWindow
    upStep = ScalingStep(count: scaling.upStep.kernels, percent: scaling.upStep.percent)
    downStep = ScalingStep(count: scaling.downStep.kernels, percent: scaling.downStep.percent)
    cooldown = scaling.cooldown
  }
}
