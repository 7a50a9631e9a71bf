// What people are shown beside the kernels.

extension Engine {
  /// In the order of the configuration.
  public var pools: [PoolStatus] {
    poolStates.values.map { state in
      let isHeld =
        state.backoff.problem != nil && state.deficit + max(0, (state.wanted ?? 0) - state.roster.kernels) > 0
      return PoolStatus(
        pool: state.pool, view: state.view(waiting: waiting(for: state.pool.name), nil),
        claimed: kernels.values.count { $0.specification.pool == state.pool.name && $0.isClaimed },
        wanted: state.wanted ?? state.roster.kernels, reason: state.reason, clamps: state.clamps,
        problem: state.backoff.problem.map { "kernels of this pool do not start: \($0)" },
        retryAt: isHeld ? state.backoff.retryAt : nil)
    }
  }

  /// Pending, firing, and those that were resolved within the last 15 minutes; the oldest first.
  public var alerts: [Alert] { alerter.all }
}
