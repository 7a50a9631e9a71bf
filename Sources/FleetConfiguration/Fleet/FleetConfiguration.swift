// fleet.toml: what a host is told, section by section, with its defaults.

/// The configuration of a host. Every section is optional; what is written is checked completely when it is read.
public struct FleetConfiguration: Sendable, Hashable {
  /// The file it was read from; nil if there was none and everything is a default.
  public var file: String?
  public var host = Host()
  public var ports = Ports()
  public var policies = Policies()
  public var pools: [String: Pool] = [:]
  public var kernelspecs: [String: KernelspecSettings] = [:]
  /// For kernels that do not say otherwise.
  public var limits = Limits()
  /// For all kernels.
  public var hardening = HardeningSettings()
  public var health = Health()
  public var logs = Logs()
  public var alerts = Alerts()
  public var metrics = Metrics()
  public var decisions = Decisions()
  public var gateway = Gateway()
  public var channels = Channels()

  public init() {}

  public struct Host: Sendable, Hashable {
    /// Where HTTP is served beside the control socket; nil turns TCP off.
    public var http: HTTPAddress? = HTTPAddress(host: "127.0.0.1", port: 9550)
    /// Somebody chose the address: a host that cannot listen there does not start.
    public var isHTTPAsked = false
    /// The file that says so; nil if the command line did.
    public var httpFile: String?
    /// A file that maps tokens to owners.
    public var tokens: String?
    public var tlsCertificate: String?
    public var tlsKey: String?
    /// Names in `Host` headers beside addresses and localhost.
    public var allowedHosts: [String] = []
    /// Origins of web pages that may use the API, such as `https://lab.example.org`.
    public var allowedOrigins: [String] = []
    /// On TCP, at a time.
    public var maximumConnections = 4096

    public init() {}
  }

  public struct Ports: Sendable, Hashable {
    /// Kernels take base, base + 5, …
    public var base = 9555
  }

  /// How kernels are watched.
  public struct Health: Sendable, Hashable {
    /// Between two heartbeats of one kernel, ± 20 %; three misses make it unhealthy.
    public var interval: Duration = .seconds(5)
  }

  /// How kernels' logs are rotated by their shims.
  public struct Logs: Sendable, Hashable {
    public var maximumSize = ByteCount(bytes: 10 << 20)
    public var maximumAge: Duration?
    /// Rotated files that are kept beside the one being written.
    public var keep = 5
  }

  /// Where alerts go besides the log.
  public struct Alerts: Sendable, Hashable {
    public var webhook: String?
    public var alertmanager: String?
    /// The arguments of a program that is given each alert on its standard input.
    public var command: [String] = []
    /// Between two questions to the alert policies.
    public var interval = Duration.seconds(10)
  }

  /// What is measured of kernels for policies of `scale` and `alert`, and for who reads metrics.
  public struct Metrics: Sendable, Hashable {
    /// Between two measurements.
    public var interval = Duration.seconds(5)
    /// Whether what was measured is kept: ten seconds apart for an hour, thinner for thirty days.
    public var history = true
  }

  /// What is kept of recorded decisions.
  public struct Decisions: Sendable, Hashable {
    public var maximumSize = ByteCount(bytes: 64 << 20)
    public var maximumAge = Duration.seconds(7 * 86_400)
  }

  /// A foreign kernel, as a kernelspec would describe it.
  public struct KernelspecSettings: Sendable, Hashable {
    public var argv: [String]
    public var language: String
    public var displayName: String?
    public var environment: [String: String] = [:]
    public var interruptMode = InterruptMode.signal
  }
}

/// An address that a server listens on.
public struct HTTPAddress: Sendable, Hashable, CustomStringConvertible {
  public var host: String
  /// 0 lets the system choose.
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// "127.0.0.1:9550", "[::1]:9550" or "localhost:9550".
  public init(parsing text: String) throws(ValueError) {
    let complaint = ValueError("\"\(text)\" is no address; write it as 127.0.0.1:9550, or \"\" for none")
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      throw complaint
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw complaint
    }
    guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { throw complaint }
    self.init(host: String(host), port: Int(port))
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The policies of a host: for each entry point the files that are asked, in order.
public struct Policies: Sendable, Hashable {
  public enum Entry: String, Sendable, CaseIterable {
    case admit, route, scale, alert, restart
  }

  /// Absolute paths; the first that has an opinion decides.
  public var paths: [Entry: [String]] = [:]
  /// Candidates that are asked beside them and only compared.
  public var shadows: [Entry: [String]] = [:]

  public init() {}
}
