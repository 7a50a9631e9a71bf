// The one thread that owns all ZeroMQ sockets of a host: probes, heartbeats, states, interrupts and shutdowns.
import Synchronization

/// Watches any number of kernels from one thread. All methods return at once; answers come as events.
///
/// A kernel's life: `probe` until it is `ready`, then `watch` until it ends, then `unwatch`.
public final class Wire: Sendable {
  /// Between two heartbeats of one kernel, varied by a fifth so that kernels that started together drift apart.
  public static let heartbeatInterval = Duration.seconds(5)
  /// How long an interrupt or a shutdown may stay unanswered.
  public static let patience = Duration.seconds(5)
  /// How long a link's outputs are held back before its receiver is asked again.
  public static let holdPatience = Duration.milliseconds(200)

  private let loop: WireLoop
  private let thread: SystemThread

  /// Starts the thread.
  /// - Parameters:
  ///   - heartbeatInterval: for tests that cannot wait for the usual one.
  ///   - maxSockets: one per watched kernel, one per probe or request under way, four per link, and four more.
  ///   - onEvent: called on the wire thread, which it must not block.
  public init(
    heartbeatInterval: Duration = Wire.heartbeatInterval, maxSockets: Int32 = 16_384,
    onEvent: @escaping @Sendable (WireEvent) -> Void
  ) throws(ZMQError) {
    let loop = try WireLoop(interval: heartbeatInterval, maxSockets: maxSockets, onEvent: onEvent)
    self.loop = loop
    thread = try SystemThread.start(name: "wire") { loop.run() }
  }

  /// Asks a kernel for its information until it answers and its states are heard, so that nothing is missed of what it
  /// does once it is `ready`. One that answers and publishes nothing is ready after half a second. A probe that runs
  /// already is replaced.
  /// - Parameter filtered: whether the kernel publishes its states on topics that begin with `kernel.`, as Fleet's own
  ///   and ipykernel do; of others, all messages are received.
  public func probe(_ token: UInt64, _ connection: ConnectionFile, filtered: Bool) {
    loop.post(.probe(token, connection, filtered: filtered))
  }

  /// Begins heartbeats, and to tell the kernel's states. Its messages are known by the session that a probe learned, so a
  /// kernel is probed before.
  public func watch(_ token: UInt64, _ connection: ConnectionFile, filtered: Bool) {
    loop.post(.watch(token, connection, filtered: filtered))
  }

  /// Ends probe, heartbeats and everything else of a kernel.
  public func unwatch(_ token: UInt64) { loop.post(.unwatch(token)) }

  /// A heartbeat out of turn for a watched kernel; `heartbeat` follows within the time.
  public func beat(_ token: UInt64, timeout: Duration) { loop.post(.beat(token, timeout)) }

  /// Sends an interrupt request over the control channel.
  /// - Parameter number: comes back with the event.
  public func interrupt(_ token: UInt64, _ number: UInt64, _ connection: ConnectionFile) {
    loop.post(.control(token, connection, .interrupt(number)))
  }

  /// Sends a shutdown request over the control channel.
  public func shutdown(_ token: UInt64, _ connection: ConnectionFile, restart: Bool = false) {
    loop.post(.control(token, connection, .shutdown(restart: restart)))
  }

  // MARK: Links

  /// Connects to a kernel that answers. Its messages go to `receiver`; requests sent at once lose no output.
  /// - Parameter link: a number of the caller's own.
  public func openLink(_ link: UInt64, _ connection: ConnectionFile, _ receiver: any KernelLinkReceiver) {
    loop.post(.openLink(link, connection, receiver))
  }

  /// Sends a message that is signed already, as soon as the kernel takes it.
  /// - Parameter sender: told when that is so.
  public func send(
    _ frames: Frames, link: UInt64, _ channel: ConnectionFile.Channel, from sender: (any KernelLinkSender)? = nil,
    bytes: Int = 0
  ) {
    loop.post(.send(frames, link: link, channel, from: sender, bytes: bytes))
  }

  /// Outputs may come again.
  public func resume(_ link: UInt64) { loop.post(.resumeLink(link)) }

  /// What was sent and not taken yet is forgotten.
  public func closeLink(_ link: UInt64) { loop.post(.closeLink(link)) }

  /// Closes all sockets and waits for the thread. To be called once, and not from `onEvent`.
  public func stop() {
    loop.post(.stop)
    thread.join()
  }
}
