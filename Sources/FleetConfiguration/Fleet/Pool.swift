// The pools of fleet.toml: templates of kernels, and how many of them there may be.

extension FleetConfiguration {
  /// Kernels that are started from one template.
  public struct Pool: Sendable, Hashable {
    public var kernelspec: String?
    public var language: String?
    /// The path of a kernel config.
    public var config: String?
    public var minimum = 0
    public var maximum = 1
    /// Kernels that are kept ready without a client.
    public var warm = 0
    public var launcher = "local"
    public var limits = Limits()
    public var labels: [String: String] = [:]
    public var scaling = Scaling()

    public init() {}
  }

  /// How fast a pool may grow and shrink. The defaults are those of the Kubernetes HPA.
  public struct Scaling: Sendable, Hashable {
    /// Between two decisions.
    public var interval = Duration.seconds(15)
    /// A change by a smaller share than this is none.
    public var tolerance = 0.1
    /// It grows to the least number that was wanted in this time, and shrinks to the greatest.
    public var upWindow = Duration.zero
    public var downWindow = Duration.seconds(300)
    public var upStep = ScalingStep(kernels: 4, percent: 100)
    public var downStep = ScalingStep(percent: 100)
    /// After a change there is none for this long.
    public var cooldown = Duration.zero
  }

  /// How many kernels may come or go within 15 s: a number, a share of those that are there, or the greater of both.
  public struct ScalingStep: Sendable, Hashable {
    public var kernels: Int?
    public var percent: Int?

    public init(kernels: Int? = nil, percent: Int? = nil) {
      self.kernels = kernels
      self.percent = percent
    }

    /// As it is written: `4`, `"100%"` or `[4, "100%"]`.
    var written: String {
      let parts = [kernels.map(String.init), percent.map { "\"\($0)%\"" }].compactMap { $0 }
      return parts.count == 1 ? parts[0] : "[\(parts.joined(separator: ", "))]"
    }
  }
}

extension TableReader {
  package mutating func pools(_ locator: Locator) throws(ConfigurationError) -> [String: FleetConfiguration.Pool] {
    guard var reader = try table("pools") else { return [:] }
    var pools: [String: FleetConfiguration.Pool] = [:]
    for name in reader.names {
      guard var inner = try reader.table(name) else { continue }
      guard Kernelspec.isName(name) else {
        throw reader.badValue(name, "a pool's name has only letters, digits, \".\", \"_\" and \"-\"")
      }
      if name == "jupyter" {
        throw reader.badValue(name, "policies know the kernels of Jupyter's clients by this name; choose another")
      }
      pools[name] = try inner.pool(locator)
    }
    return pools
  }

  private mutating func pool(_ locator: Locator) throws(ConfigurationError) -> FleetConfiguration.Pool {
    var pool = FleetConfiguration.Pool()
    pool.kernelspec = try name("kernelspec")
    pool.language = try name("language")
    if let config = try name("config") { pool.config = try located(config, .config, locator, key: "config") }
    pool.minimum = try integer("min", in: 0...10_000) ?? 0
    pool.warm = try integer("warm", in: 0...10_000) ?? 0
    pool.maximum = try integer("max", in: 1...10_000) ?? max(1, pool.minimum, pool.warm)
    pool.launcher = try name("launcher") ?? "local"
    pool.limits = try limits()
    if var labels = try table("labels") { pool.labels = try labels.stringsByName() }
    pool.scaling = try scaling()
    try finish()
    if pool.minimum > pool.maximum { throw badValue("min", "\(pool.minimum) is more than max, \(pool.maximum)") }
    if pool.warm > pool.maximum { throw badValue("warm", "\(pool.warm) is more than max, \(pool.maximum)") }
    return pool
  }

  private mutating func scaling() throws(ConfigurationError) -> FleetConfiguration.Scaling {
    var scaling = FleetConfiguration.Scaling()
    scaling.interval = try duration("interval", in: .milliseconds(100) ... .seconds(3600)) ?? scaling.interval
    if let tolerance = try number("tolerance") {
      guard (0..<1).contains(tolerance) else {
        throw badValue("tolerance", "\(tolerance) is no share; 0.1 leaves changes by less than a tenth alone")
      }
      scaling.tolerance = tolerance
    }
    let longest = Duration.zero ... .seconds(86_400)
    scaling.upWindow = try duration("scale_up_window", in: longest) ?? scaling.upWindow
    scaling.downWindow = try duration("scale_down_window", in: longest) ?? scaling.downWindow
    scaling.upStep = try step("scale_up_step") ?? scaling.upStep
    scaling.downStep = try step("scale_down_step") ?? scaling.downStep
    scaling.cooldown = try duration("cooldown", in: longest) ?? scaling.cooldown
    return scaling
  }

  /// `4`, `"100%"` or `[4, "100%"]`.
  private mutating func step(_ key: String) throws(ConfigurationError) -> FleetConfiguration.ScalingStep? {
    guard let node = node(key) else { return nil }
    let parts = if case .array(let elements) = node.content { elements } else { [node] }
    var step = FleetConfiguration.ScalingStep()
    for part in parts {
      switch part.content {
      case .integer(let count) where step.kernels == nil && (1...10_000).contains(count): step.kernels = Int(count)
      case .string(let text) where step.percent == nil && text.hasSuffix("%"):
        guard let percent = Int(text.dropLast()), (1...10_000).contains(percent) else { fallthrough }
        step.percent = percent
      default:
        throw badValue(
          key, "write a number of kernels such as 4, a share such as \"100%\", or [4, \"100%\"] for the greater")
      }
    }
    guard step != FleetConfiguration.ScalingStep() else {
      throw badValue(key, "says nothing; leave it out for the default")
    }
    return step
  }

  /// A length of time within bounds.
  mutating func duration(
    _ key: String, in range: ClosedRange<Duration>
  ) throws(ConfigurationError) -> Duration? {
    guard let value = try duration(key) else { return nil }
    guard range.contains(value) else {
      let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
      throw badValue(key, "\(DurationText.format(value)) is outside \(bounds)")
    }
    return value
  }
}
