// What a kernel is kept from besides its limits, as its shim is told.

/// All of it holds for the kernel and for everything that it starts.
public struct LaunchHardening: Sendable, Hashable {
  /// A mount namespace with a /tmp and a /var/tmp of its own.
  public var privateTmp: Bool
  /// Landlock: writing only in `writable`, the working directory, shared temporary directories and terminals; signals
  /// only to what the kernel started (ABI 6).
  public var landlock: Bool
  /// A filter of system calls.
  public var seccomp: Bool
  /// A user of its own, and the group by which it passes through the fleet directory.
  public var user: User?
  /// Directories that a kernel under Landlock may write, at most four.
  public var writable: [String]

  public struct User: Sendable, Hashable {
    /// Of its group, too.
    public var id: UInt32
    public var fleetGroup: UInt32

    public init(id: UInt32, fleetGroup: UInt32) {
      self.id = id
      self.fleetGroup = fleetGroup
    }
  }

  public init(
    privateTmp: Bool = false, landlock: Bool = false, seccomp: Bool = false, user: User? = nil, writable: [String] = []
  ) {
    self.privateTmp = privateTmp
    self.landlock = landlock
    self.seccomp = seccomp
    self.user = user
    self.writable = writable
  }

  /// Of the shim's command line.
  var arguments: [String] {
    var words: [String] = []
    if privateTmp { words.append("--private-tmp") }
    if let user { words += ["--user", "\(user.id):\(user.fleetGroup)"] }
    if landlock { words.append("--landlock") }
    if seccomp { words.append("--seccomp") }
    return words + writable.flatMap { ["--writable", $0] }
  }
}
