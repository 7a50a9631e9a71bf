// What policies may answer, in plain data. The host checks and clamps it.

public enum Answer: Sendable, Hashable {
  case admit(AdmitAnswer)
  case route(RouteAnswer)
  case scale(ScaleAnswer)
  case alert([AlertCondition])
  case restart(RestartAnswer)
}

public enum AdmitAnswer: Sendable, Hashable {
  /// Start it with these limits; those that are nil stay as they were asked for.
  case allow(limits: Limits)
  case reject(String)
}

public enum RouteAnswer: Sendable, Hashable {
  /// The id, UUID or name of a kernel.
  case use(String)
  case spawn(config: String?, language: String?)
  /// Ask again after so many seconds.
  case wait(seconds: Double)
  case reject(String)
}

public struct ScaleAnswer: Sendable, Hashable {
  /// The number of kernels that the pool should have.
  public var wanted: Int
  /// Ids, UUIDs or names of those to retire first, if some are to go.
  public var retire: [String]

  public init(wanted: Int, retire: [String] = []) {
    self.wanted = wanted
    self.retire = retire
  }
}

/// A condition that holds now. The host makes an alert of it: pending for `hold`, then firing, then resolved.
public struct AlertCondition: Sendable, Hashable {
  /// Such as `HighMemory`; with kernel and labels it is the identity of the alert.
  public var name: String
  /// The UUID of the kernel that it is about; nil for the whole fleet.
  public var kernel: String?
  /// Such as `warning` or `critical`.
  public var severity: String
  /// One sentence for people.
  public var summary: String
  public var value: Double?
  public var labels: [String: String]
  /// How long it must hold before the alert fires (Prometheus: `for`).
  public var hold: Duration
  /// How long the alert goes on firing when the condition no longer holds (Prometheus: `keep_firing_for`).
  public var keepFiring: Duration

  public init(
    name: String, kernel: String? = nil, severity: String = "warning", summary: String = "", value: Double? = nil,
    labels: [String: String] = [:], hold: Duration = .zero, keepFiring: Duration = .zero
  ) {
    self.name = name
    self.kernel = kernel
    self.severity = severity
    self.summary = summary
    self.value = value
    self.labels = labels
    self.hold = hold
    self.keepFiring = keepFiring
  }
}

public enum RestartAnswer: Sendable, Hashable {
  case restart(after: Double)
  case giveUp(String)
}

extension Answer {
  /// In a few words, for people: "use kernel-1a2b3c4d".
  public var summary: String {
    switch self {
    case .route(.use(let reference)): "use \(KernelID(uuid: reference)?.description ?? reference)"
    case .route(.spawn(let config, let language)):
      "spawn " + (config.map(Requirements.fileName) ?? language ?? "a kernel")
    case .route(.wait(let seconds)): "wait \(seconds) s"
    case .route(.reject(let why)), .admit(.reject(let why)): "reject: \(why)"
    case .admit(.allow): "allow"
    case .scale(let answer): "\(answer.wanted) kernel\(answer.wanted == 1 ? "" : "s")"
    case .alert(let conditions): conditions.isEmpty ? "no condition" : conditions.map(\.name).joined(separator: ", ")
    case .restart(.restart(let seconds)): "restart after \(seconds) s"
    case .restart(.giveUp(let why)): "give up: \(why)"
    }
  }
}
