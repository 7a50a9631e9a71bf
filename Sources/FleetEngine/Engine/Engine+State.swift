// What people are shown beside the kernels.

extension Engine {
  /// In the order of the configuration.
  public var pools: [PoolStatus] { [] }

  /// Pending, firing, and those that were resolved within the last 15 minutes; the oldest first.
  public var alerts: [Alert] { [] }
}
