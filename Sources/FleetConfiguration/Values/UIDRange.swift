// `uid_range`: the user ids that kernels run as.

/// 65,536 user ids of one host: its kernels run as those above `first`, one after the other, and as the groups of those
/// numbers. A kernel keeps its user for life, and nobody gets it again before 65,535 others were spawned.
public struct UIDRange: Sendable, Hashable, CustomStringConvertible {
  /// Of the users, and of the group by which kernels pass through the fleet directory.
  public let first: UInt32

  public static let count: UInt32 = 65536
  /// Below it are the machine's own users and people, by the conventions of Debian and systemd.
  private static let least: UInt32 = 65536

  /// "1000000-1065535", both included.
  public init(parsing text: String) throws(ValueError) {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
      throw ValueError("\"\(text)\" is no range of user ids; write 1000000-1065535")
    }
    guard first >= Self.least, last < .max else {
      throw ValueError("\(text) holds ids of other users; begin at 65536 or above, such as 1000000-1065535")
    }
    guard last - first == Self.count - 1 else {
      throw ValueError(
        "\(text) are \(UInt64(last - first) + 1) user ids; a host takes 65536: "
          + "\(first)-\(UInt64(first) + UInt64(Self.count) - 1)")
    }
    self.first = first
  }

  public var description: String { "\(first)-\(first + (Self.count - 1))" }
}
