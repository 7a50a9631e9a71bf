// How finely the past is kept: the older, the coarser.

/// The three resolutions. Each row of a coarser one is the average of the rows of the finer one in its interval.
public enum HistoryStep: Int, Sendable, CaseIterable {
  case tenSeconds = 10
  case minute = 60
  case tenMinutes = 600

  public var seconds: Int64 { Int64(rawValue) }

  /// How long it is kept, in seconds.
  public var kept: Int64 {
    switch self {
    case .tenSeconds: 3600
    case .minute: 86_400
    case .tenMinutes: 30 * 86_400
    }
  }

  var coarser: HistoryStep? {
    switch self {
    case .tenSeconds: .minute
    case .minute: .tenMinutes
    case .tenMinutes: nil
    }
  }

  /// The beginning of the interval that a time in seconds belongs to.
  func start(of time: Int64) -> Int64 { time - ((time % seconds) + seconds) % seconds }

  /// The finest that reaches back so many seconds; the coarsest for what none reaches.
  public static func reaching(back seconds: Int64) -> HistoryStep {
    allCases.first { $0.kept >= seconds } ?? .tenMinutes
  }

  /// As clients write it: `10s`, `1m`, `10m`.
  public init?(text: String) {
    switch text {
    case "10s", "10": self = .tenSeconds
    case "1m", "60s", "60": self = .minute
    case "10m", "600s", "600": self = .tenMinutes
    default: return nil
    }
  }
}
