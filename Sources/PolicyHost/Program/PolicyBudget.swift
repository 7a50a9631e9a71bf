// How long a policy may take, and how much memory.

import FleetEngine

public struct PolicyBudget: Sendable, Hashable {
  /// For one answer about a route, an admission or a restart: somebody waits for it.
  public var route: Duration
  public var admit: Duration
  public var restart: Duration
  /// For one answer about the size of a pool or about alerts: these take their time, and nobody waits.
  public var scale: Duration
  public var alert: Duration
  /// For running the file once, when it is loaded.
  public var load: Duration
  /// How much longer an asker waits for a thread that does not come back before it gives it up.
  public var grace: Duration
  /// What the policy's own tables and strings may take, in bytes; the rows are not its own.
  public var memory: Int

  public init(
    route: Duration = .milliseconds(2), admit: Duration = .milliseconds(2), restart: Duration = .milliseconds(2),
    scale: Duration = .milliseconds(50), alert: Duration = .milliseconds(50), load: Duration = .milliseconds(100),
    grace: Duration = .milliseconds(5), memory: Int = 8 << 20
  ) {
    self.route = route
    self.admit = admit
    self.restart = restart
    self.scale = scale
    self.alert = alert
    self.load = load
    self.grace = grace
    self.memory = memory
  }

  /// The same time for every answer, for tests and simulations, where patience costs nothing.
  public init(answer: Duration, load: Duration? = nil, grace: Duration = .milliseconds(5), memory: Int = 8 << 20) {
    self.init(
      route: answer, admit: answer, restart: answer, scale: answer, alert: answer, load: load ?? answer, grace: grace,
      memory: memory)
  }

  /// For one answer.
  public func time(for entry: EntryPoint) -> Duration {
    switch entry {
    case .admit: admit
    case .route: route
    case .scale: scale
    case .alert: alert
    case .restart: restart
    }
  }
}
