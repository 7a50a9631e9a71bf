// Pools: kernels of a template, made when the engine wants them.
import FleetConfiguration
import FleetEngine
import JSON

extension FleetConfiguration {
  /// In the order of their names.
  var enginePools: [FleetEngine.Pool] {
    pools.sorted { $0.key < $1.key }.map { name, pool in
      var rules = ScalingRules()
      rules.interval = pool.scaling.interval
      rules.tolerance = pool.scaling.tolerance
      rules.upWindow = pool.scaling.upWindow
      rules.downWindow = pool.scaling.downWindow
      rules.upStep = FleetEngine.ScalingStep(count: pool.scaling.upStep.kernels, percent: pool.scaling.upStep.percent)
      rules.downStep = FleetEngine.ScalingStep(
        count: pool.scaling.downStep.kernels, percent: pool.scaling.downStep.percent)
      rules.cooldown = pool.scaling.cooldown
      return FleetEngine.Pool(
        name: name, minimum: pool.minimum, maximum: pool.maximum, warm: pool.warm, scaling: rules)
    }
  }
}

extension FleetHost {
  /// The template is resolved each time, because kernelspecs and configs change while a host runs.
  func provide(_ pool: String, _ count: Int) {
    switch phase {
    case .opening, .open: break
    // A host that stops its kernels makes no new ones, and that is no fault of the pool's.
    case .closing, .closed: return
    }
    var request = SpawnRequest()
    request.pool = pool
    let kernels = (0..<count).map { _ in (id: makeID(), key: Self.makeKey()) }
    let (inbox, resolver, template) = (inbox, resolver, request)
    lookups.async {
      let result: Result<[NewKernel], EngineError>
      do throws(EngineError) {
        let specification = try resolver.specification(of: template)
        result = .success(kernels.map { NewKernel(id: $0.id, key: $0.key, specification: specification) })
      } catch {
        result = .failure(error)
      }
      inbox.post(.provided(pool: pool, result))
    }
  }

  /// The document of `GET /pools`.
  public func pools() async -> JSON {
    await whenOpen()
    await countConnections()
    let now = now
    return ["pools": .array(engine.pools.map { $0.document(now: now) })]
  }
}

extension PoolStatus {
  fileprivate func document(now: FleetEngine.Instant) -> JSON {
    [
      "name": .string(pool.name), "min": JSON(pool.minimum), "max": JSON(pool.maximum), "warm": JSON(pool.warm),
      "kernels": JSON(view.kernels), "starting": JSON(view.starting), "used": JSON(view.used), "free": JSON(view.free),
      "draining": JSON(view.draining), "waiting": JSON(view.waiting), "claimed": JSON(claimed),
      "wanted": JSON(wanted), "reason": .string(reason), "clamps": .array(clamps.map(JSON.string)),
      "problem": JSON(problem), "retry_seconds": JSON(retryAt.map { max(0, ($0 - now).seconds) }),
    ]
  }
}
