// Which base port a kernel takes.

/// Hands out base, base + 5, …: the lowest that no row holds. A base that another program was found on is left alone
/// for a minute.
public struct Ports: Sendable {
  public static let perKernel = 5
  public let base: Int
  private var held: [Int: KernelID] = [:]
  private var blocked: [Int: Instant] = [:]
  /// No base below this one is free, whatever the time.
  private var lowest: Int

  public init(base: Int) {
    self.base = base
    lowest = base
  }

  /// The base port that the next kernel would take; nil if all are taken.
  public func next(now: Instant) -> Int? {
    stride(from: lowest, through: 65_535 - Self.perKernel + 1, by: Self.perKernel).first { isFree($0, now: now) }
  }

  /// Whether no kernel of ours holds any of the five ports from `port` on, and nobody was found there lately.
  public func isFree(_ port: Int, now: Instant) -> Bool {
    if let until = blocked[port], now < until { return false }
    return holder(of: port) == nil
  }

  /// The kernel that holds one of the five ports from `port` on.
  public func holder(of port: Int) -> KernelID? {
    ((port - Self.perKernel + 1)..<(port + Self.perKernel)).lazy.compactMap { held[$0] }.first
  }

  /// The kernel whose base port this is.
  public func kernel(at base: Int) -> KernelID? { held[base] }

  public mutating func take(_ port: Int, for id: KernelID) {
    held[port] = id
    while lowest < 65_536, holder(of: lowest) != nil { lowest += Self.perKernel }
  }

  public mutating func release(_ port: Int, of id: KernelID) {
    guard held[port] == id else { return }
    held[port] = nil
    // The lowest base that the five ports overlapped.
    lowest = min(lowest, base + max(0, port - base) / Self.perKernel * Self.perKernel)
  }

  public mutating func block(_ port: Int, until: Instant) { blocked[port] = until }
}
