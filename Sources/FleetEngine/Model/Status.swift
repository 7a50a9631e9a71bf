// Where a kernel is in its life.

public enum Status: String, Sendable, Hashable, CaseIterable {
  /// Its row is committed or being committed, and it has not answered `kernel_info_request` yet.
  case starting
  /// It answered, and runs nothing.
  case idle
  /// It answered, and runs something; an adopted kernel counts as busy until it answers.
  case busy
  /// It lives, but missed three heartbeats: hung or stopped, not busy.
  case unhealthy
  /// Somebody asked for its end.
  case stopping
  /// It crashed, and waits to be started again.
  case backoff
  /// It ended by itself with code 0.
  case exited
  /// It crashed too often, or could not be started again.
  case failed
  /// What became of it cannot be told: its files could not be read, or its lock is held by a stranger.
  case unknown

  /// There is, or may be, a process.
  public var isAlive: Bool {
    switch self {
    case .starting, .idle, .busy, .unhealthy, .stopping: true
    case .backoff, .exited, .failed, .unknown: false
    }
  }

  /// A client can be given this kernel, at the latest once it has started.
  public var isUsable: Bool { self == .starting || self == .idle || self == .busy }
}
