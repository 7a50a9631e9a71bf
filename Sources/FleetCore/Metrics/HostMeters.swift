// What a host counts while it works: whoever does something records it here, and metrics read it.
import FleetEngine
import Synchronization

/// The counters and histograms of one host, from its start on. Recording is cheap and possible on any thread.
public final class HostMeters: Sendable {
  /// Between a client and a kernel.
  public enum Channel: String, Sendable, CaseIterable { case shell, control, stdin, iopub }

  public enum Direction: String, Sendable, CaseIterable {
    case toKernel = "to_kernel"
    case fromKernel = "from_kernel"
  }

  /// Why a kernel ended that nobody had asked to.
  public enum Death: String, Sendable, CaseIterable {
    /// By itself and with code 0, which is no crash.
    case clean
    case exitCode = "exit_code"
    case signal
    case outOfMemory = "out_of_memory"
    /// Its shim was killed and left no record.
    case lost
  }

  /// Who decided.
  public enum Decider: String, Sendable, CaseIterable {
    case policy
    /// The native rule, because no policy had an opinion or there is none.
    case native
    /// The native rule, because a policy failed.
    case fallback
  }

  public struct DecisionLabel: Hashable, Sendable, CaseIterable {
    public var entry: EntryPoint
    public var decider: Decider

    public static let allCases = EntryPoint.allCases.flatMap { entry in
      Decider.allCases.map { DecisionLabel(entry: entry, decider: $0) }
    }
  }

  public struct MessageLabel: Hashable, Sendable, CaseIterable {
    public var channel: Channel
    public var direction: Direction

    public static let allCases = Channel.allCases.flatMap { channel in
      Direction.allCases.map { MessageLabel(channel: channel, direction: $0) }
    }
  }

  /// From a kernel's row to its first answer, disk and attempts on other ports included.
  public let spawn = Histogram(Histogram.spawnBounds)
  /// From busy to idle, as the host hears it.
  public let execute = Histogram(Histogram.executeBounds)
  /// On the policy's thread, by entry point.
  public let policy: [EntryPoint: Histogram]
  public let requests = RequestMeters()

  public let spawns = Counter()
  public let restarts = Counter()
  /// Kernels that were not, or not again, restarted, or could not be started.
  public let failures = Counter()
  public let deaths = LabelledCounter<Death>()
  public let decisions = LabelledCounter<DecisionLabel>()
  /// Answers that the host changed because of a limit.
  public let clamps = LabelledCounter<EntryPoint>()
  public let messages = LabelledCounter<MessageLabel>()
  private let opened = Counter()
  private let closed = Counter()

  public init() {
    policy = Dictionary(
      uniqueKeysWithValues: EntryPoint.allCases.map { ($0, Histogram(Histogram.policyBounds)) })
  }

  // MARK: For the HTTP server and the gateway

  /// An HTTP request was answered.
  /// - Parameters:
  ///   - route: the template of its path, such as `/kernels/{kernel}`; nil if there is no such route. Never the path
  ///     itself, of which there are endlessly many.
  ///   - seconds: until the answer's head was there.
  public func httpRequest(route: String?, method: String, status: Int, seconds: Double) {
    requests.record(route: route, method: method, status: status, seconds: seconds)
  }

  public func websocketOpened() { opened.increment() }
  public func websocketClosed() { closed.increment() }

  /// A message of a WebSocket's client or for it.
  public func message(channel: Channel, direction: Direction) {
    messages.increment(MessageLabel(channel: channel, direction: direction))
  }

  /// WebSockets that were ever opened.
  public var websockets: UInt64 { opened.value }

  public var openWebsockets: UInt64 {
    // First those that were closed: the other order could count one that was opened and closed in between as minus one.
    let closed = closed.value
    return opened.value - closed
  }
}
