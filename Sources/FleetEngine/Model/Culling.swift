// Kernels that clients start and forget: those of Jupyter. A scale policy says which are to go.

/// When a scale policy is asked about kernels that Jupyter's clients started. They are shown to it as a pool without
/// bounds, because they come by request alone: of its answer only `retire` counts.
public struct Culling: Sendable, Hashable {
  /// What the policy is told as the pool's name; no pool of fleet.toml may be called so.
  public static let pool = "jupyter"
  /// The label by which these kernels are known.
  public static let label = (name: "source", value: "jupyter")

  /// Between two questions.
  public var interval: Duration
  /// A kernel may go though somebody is connected: a tab that was left open is no activity.
  public var endsConnected: Bool

  public init(interval: Duration = .seconds(60), endsConnected: Bool = false) {
    self.interval = interval
    self.endsConnected = endsConnected
  }

  /// The kernel is one of those: in no pool, or taken from one.
  static func concerns(_ kernel: Kernel) -> Bool {
    kernel.specification.labels[label.name] == label.value
      && (kernel.specification.pool == nil || kernel.isClaimed)
  }
}
