// What is kept for clients, and for how long.
import FleetConfiguration

public struct ChannelLimits: Sendable, Hashable {
  /// The largest message that a client may send, in bytes.
  public var message = 64 << 20
  /// Bytes that wait for one client: beyond it outputs are dropped, beyond twice as much the client is disconnected. A
  /// single message may be larger.
  public var outgoing = 24 << 20
  /// From here on the kernel's outputs are held back for a client that reads.
  public var hold = 12 << 20
  /// And below this they come again: soon, because kernels do not wait long for who does not read.
  public var resume = 11 << 20
  /// Bytes of one client that the kernel has not taken: beyond it nothing more is read from the client.
  public var incoming = 16 << 20
  /// The same as `outgoing` for a session whose client is away, and how long it is waited for.
  public var away = 5 << 20
  public var awayFor = Duration.seconds(600)
  /// Sessions of one kernel whose clients are away; the one that has been away for the longest makes room.
  public var sessionsAway = 32
  /// Bytes that wait for all clients together: beyond it, a client has no more than `tight`.
  public var total = 512 << 20
  public var tight = 64 << 10
  /// Clients of one kernel.
  public var clients = 1024
  /// Requests of one kernel whose senders are remembered.
  public var requests = 8192

  public init() {}

  /// As `[channels]` of fleet.toml says; what is held back and released follows from it.
  public init(_ settings: FleetConfiguration.Channels) {
    message = Int(settings.maximumMessage.bytes)
    outgoing = Int(settings.buffer.bytes)
    hold = outgoing / 2
    resume = hold - min(1 << 20, hold / 8)
    away = Int(settings.sessionBuffer.bytes)
    awayFor = settings.sessionAge
    total = max(total, 4 * outgoing)
  }
}
