// [channels] of fleet.toml: what is kept for clients that reach kernels through the host.

extension FleetConfiguration {
  /// WebSockets of kernels.
  public struct Channels: Sendable, Hashable {
    /// The largest message that a client may send.
    public var maximumMessage = ByteCount(bytes: 64 << 20)
    /// What waits for one client: beyond it outputs are dropped, beyond twice as much the client is disconnected.
    public var buffer = ByteCount(bytes: 24 << 20)
    /// The same for a session whose client is away.
    public var sessionBuffer = ByteCount(bytes: 5 << 20)
    /// How long such a session is waited for.
    public var sessionAge = Duration.seconds(600)

    public init() {}
  }
}

extension TableReader {
  package mutating func channels() throws(ConfigurationError) -> FleetConfiguration.Channels {
    var channels = FleetConfiguration.Channels()
    guard var reader = try table("channels") else { return channels }
    channels.maximumMessage = try reader.size("max_message", atLeast: 64 << 10) ?? channels.maximumMessage
    // What comes at once from one kernel, 1 MiB, must have room.
    channels.buffer = try reader.size("buffer", atLeast: 4 << 20) ?? channels.buffer
    channels.sessionBuffer = try reader.size("session_buffer", atLeast: 64 << 10) ?? channels.sessionBuffer
    channels.sessionAge = try reader.duration("session_age", in: .zero ... .seconds(86_400)) ?? channels.sessionAge
    try reader.finish()
    return channels
  }

  private mutating func size(_ key: String, atLeast least: Int64) throws(ConfigurationError) -> ByteCount? {
    guard let value = try size(key) else { return nil }
    let most: Int64 = 1 << 30
    guard (least...most).contains(value.bytes) else {
      throw badValue(key, "\(value) is outside \(ByteCount(bytes: least)) to \(ByteCount(bytes: most))")
    }
    return value
  }
}
