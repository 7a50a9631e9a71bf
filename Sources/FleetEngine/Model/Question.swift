// What policies are asked.

/// Where policies have a say.
public enum EntryPoint: String, Sendable, Hashable, CaseIterable {
  /// May this kernel be started, and with which limits?
  case admit
  /// Which kernel does a client get?
  case route
  /// How many kernels should a pool have?
  case scale
  /// Which conditions hold that somebody should know of?
  case alert
  /// Is a crashed kernel started again, and when?
  case restart
}

/// A question of the host. `now` and `seed` make the answer reproducible: it is a function of the policy's text, the
/// rows, the question and the policy's memory.
public struct PolicyQuestion: Sendable, Hashable {
  public var subject: Subject
  public var now: Instant
  public var seed: UInt64

  public init(_ subject: Subject, now: Instant, seed: UInt64) {
    self.subject = subject
    self.now = now
    self.seed = seed
  }

  public enum Subject: Sendable, Hashable {
    case admit(Specification)
    case route(Requirements)
    case scale(PoolView)
    case alert
    case restart(Crash)
  }

  /// What a route policy is asked about.
  public var requirements: Requirements? { if case .route(let requirements) = subject { requirements } else { nil } }

  public var entry: EntryPoint {
    switch subject {
    case .admit: .admit
    case .route: .route
    case .scale: .scale
    case .alert: .alert
    case .restart: .restart
    }
  }
}

/// A pool, as a scale policy sees it. The counts leave kernels out that are on their way out.
public struct PoolView: Sendable, Hashable {
  public var name: String
  public var minimum: Int
  public var maximum: Int
  /// Kernels that are to be kept ready without a client.
  public var warm: Int
  /// Starting, alive, or waiting to be restarted; without those that hang and that nobody has.
  public var kernels: Int
  /// Not answering yet; those that somebody waits for are among `used`, too.
  public var starting: Int
  /// With a client, claimed or busy.
  public var used: Int
  /// Answering, without a client, unclaimed, idle.
  public var free: Int
  /// Retiring: no new client gets them, and they end when the last one has left.
  public var draining: Int
  /// Requests for a kernel like these that the route policy told to wait.
  public var waiting: Int
  /// Kernels taken, and requests routed to the pool, per second since the last question.
  public var arrivals: Double

  public init(
    name: String, minimum: Int = 0, maximum: Int = 1, warm: Int = 0, kernels: Int = 0, starting: Int = 0,
    used: Int = 0, free: Int = 0, draining: Int = 0, waiting: Int = 0, arrivals: Double = 0
  ) {
    self.name = name
    self.minimum = minimum
    self.maximum = maximum
    self.warm = warm
    self.kernels = kernels
    self.starting = starting
    self.used = used
    self.free = free
    self.draining = draining
    self.waiting = waiting
    self.arrivals = arrivals
  }
}

/// The end of a kernel that nobody asked for, as a restart policy sees it.
public struct Crash: Sendable, Hashable {
  /// Of the kernel, whose row is there.
  public var uuid: String
  public var exit: ExitInfo
  /// For people, as `fleet show` says it.
  public var reason: String
  /// Crashes within the last 60 s, this one included.
  public var recent: Int
  /// Seconds from its first answer to its end; nil if it never answered.
  public var uptime: Double?
  /// What the native rule would do: seconds to wait, or nil to give up.
  public var proposal: Double?

  public init(uuid: String, exit: ExitInfo, reason: String, recent: Int, uptime: Double?, proposal: Double?) {
    self.uuid = uuid
    self.exit = exit
    self.reason = reason
    self.recent = recent
    self.uptime = uptime
    self.proposal = proposal
  }
}
