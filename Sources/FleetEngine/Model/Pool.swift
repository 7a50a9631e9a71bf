// Pools: kernels of one template, kept between bounds.

public struct Pool: Sendable, Hashable {
  public var name: String
  public var minimum: Int
  /// No more processes than this, kernels that somebody took from the pool included.
  public var maximum: Int
  /// Kernels that are kept ready and that nobody has used: whoever spawns one like them gets it at once.
  public var warm: Int
  public var scaling: ScalingRules

  public init(
    name: String, minimum: Int = 0, maximum: Int = 1, warm: Int = 0, scaling: ScalingRules = ScalingRules()
  ) {
    self.name = name
    self.minimum = max(0, minimum)
    self.maximum = max(1, self.minimum, maximum)
    self.warm = max(0, warm)
    self.scaling = scaling
  }
}

/// What the host makes of a scale policy's answers. The defaults are those of the Kubernetes Horizontal Pod Autoscaler
/// (`autoscaling/v2`, `behavior`).
public struct ScalingRules: Sendable, Hashable {
  /// How often the policy is asked.
  public var interval: Duration = .seconds(15)
  /// Answers within this ratio of the present number change nothing.
  public var tolerance: Double = 0.1
  /// Up to the lowest answer of this time.
  public var upWindow: Duration = .zero
  /// Down to the highest answer of this time.
  public var downWindow: Duration = .seconds(300)
  public var upStep = ScalingStep(count: 4, percent: 100)
  public var downStep = ScalingStep(percent: 100)
  /// After a change, nothing is changed for so long.
  public var cooldown: Duration = .zero

  public init() {}
}

/// By how much a pool may change within `period`; of the two bounds the wider one holds.
public struct ScalingStep: Sendable, Hashable {
  public var count: Int?
  /// Of the number at the beginning of the period.
  public var percent: Int?
  public var period: Duration

  public init(count: Int? = nil, percent: Int? = nil, period: Duration = .seconds(15)) {
    self.count = count
    self.percent = percent
    self.period = period
  }
}

/// A pool, for people.
public struct PoolStatus: Sendable, Hashable {
  public var pool: Pool
  /// As a scale policy would see it now, but for `arrivals`.
  public var view: PoolView
  /// Kernels that somebody took: they are his.
  public var claimed: Int
  /// The number that is being brought about.
  public var wanted: Int
  /// Why it is that number.
  public var reason: String
  /// What the host changed about the last answer.
  public var clamps: [String]
  /// Why kernels that are wanted are missing, as a sentence; nil if all is well.
  public var problem: String?
  /// When they are tried again.
  public var retryAt: Instant?
}
