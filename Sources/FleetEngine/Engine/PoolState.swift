// What the engine knows of one pool beside its kernels.

struct PoolState: Sendable {
  let pool: Pool
  var roster = PoolRoster()
  var scaler: Scaler
  var backoff = StartBackoff()
  /// The number that is being brought about; nil before the first decision.
  var wanted: Int?
  var reason = "nothing was decided yet"
  var clamps: [String] = []
  /// Kernels that the host was asked for and has not made.
  var pending = 0
  /// Counts requests to the host, so that a late answer is known.
  var provisions = 0
  /// A scale policy works on it.
  var isAsked = false
  /// Retired to make room, and not to be kept after all.
  var doomed: Set<KernelID> = []
  /// What its kernels are like.
  var template: Specification?
  var arrivals = 0
  var arrivalsSince: Instant?
  /// When a timer looks at it.
  var lookAt: Instant?

  init(_ pool: Pool) {
    self.pool = pool
    scaler = Scaler(pool)
  }

  var present: Scaler.Present { Scaler.Present(kernels: roster.kernels + pending, used: roster.inUse) }

  /// Processes that the maximum allows beside those that are there.
  var room: Int { max(0, pool.maximum - roster.occupied) }

  /// Warm kernels that are missing, and that the host was not asked for.
  var deficit: Int { max(0, pool.warm - roster.ready - pending) }

  /// Nothing is missing that there is room for, and nothing is on its way.
  var isComplete: Bool {
    let coming = pending + roster[.starting] + roster[.promised] + roster[.waiting]
    return coming == 0 && (room == 0 || deficit == 0 && roster.kernels >= wanted ?? 0)
  }

  /// As policies see it.
  func view(waiting: Int, _ now: Instant?) -> PoolView {
    var rate = 0.0
    if let now, let since = arrivalsSince, now > since { rate = Double(arrivals) / (now - since).seconds }
    return PoolView(
      name: pool.name, minimum: pool.minimum, maximum: pool.maximum, warm: pool.warm, kernels: roster.kernels,
      starting: roster[.starting] + roster[.promised], used: roster.inUse, free: roster[.fresh] + roster[.stale],
      draining: roster[.draining], waiting: waiting, arrivals: rate)
  }
}
