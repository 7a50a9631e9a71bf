// What a client needs to reach a kernel: addresses, ports and the key. The format is Jupyter's.
import JSON

/// A Jupyter connection file.
/// <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>
public struct ConnectionFile: Sendable, Hashable {
  public enum Transport: String, Sendable {
    case tcp
    /// Unix sockets named `<ip>-<port>`.
    case ipc
  }

  public enum Channel: String, Sendable, CaseIterable {
    case shell
    case iopub
    case stdin
    case control
    case heartbeat = "hb"

    var field: String { rawValue + "_port" }
  }

  public var transport: Transport
  /// An address, or for `ipc` the beginning of the sockets' paths.
  public var ip: String
  /// 0 lets the system choose when a kernel binds it.
  public var shellPort: Int
  public var iopubPort: Int
  public var stdinPort: Int
  public var controlPort: Int
  public var heartbeatPort: Int
  /// For signing; empty means unsigned messages.
  public var key: String
  public var kernelName: String
  /// Members that Fleet does not know; written back as they were read.
  public var others: [String: JSON]

  /// The only signature scheme that Jupyter kernels use.
  public static let signatureScheme = "hmac-sha256"

  public init(
    transport: Transport = .tcp, ip: String = "127.0.0.1", shellPort: Int, iopubPort: Int, stdinPort: Int,
    controlPort: Int, heartbeatPort: Int, key: String, kernelName: String = "", others: [String: JSON] = [:]
  ) {
    self.transport = transport
    self.ip = ip
    self.shellPort = shellPort
    self.iopubPort = iopubPort
    self.stdinPort = stdinPort
    self.controlPort = controlPort
    self.heartbeatPort = heartbeatPort
    self.key = key
    self.kernelName = kernelName
    self.others = others
  }

  /// Fleet's layout: shell, iopub, stdin, control and heartbeat on five ports in a row; base 0 lets the system choose.
  public static func make(
    ip: String = "127.0.0.1", basePort: Int, key: String, kernelName: String = "", transport: Transport = .tcp
  ) -> ConnectionFile {
    let step = basePort == 0 ? 0 : 1
    return ConnectionFile(
      transport: transport, ip: ip, shellPort: basePort, iopubPort: basePort + step, stdinPort: basePort + 2 * step,
      controlPort: basePort + 3 * step, heartbeatPort: basePort + 4 * step, key: key, kernelName: kernelName)
  }

  public subscript(channel: Channel) -> Int {
    get {
      switch channel {
      case .shell: shellPort
      case .iopub: iopubPort
      case .stdin: stdinPort
      case .control: controlPort
      case .heartbeat: heartbeatPort
      }
    }
    set {
      switch channel {
      case .shell: shellPort = newValue
      case .iopub: iopubPort = newValue
      case .stdin: stdinPort = newValue
      case .control: controlPort = newValue
      case .heartbeat: heartbeatPort = newValue
      }
    }
  }

  /// What ZeroMQ binds or connects to; `*` for a port that the system is to choose.
  public func endpoint(_ channel: Channel) -> String {
    let port = self[channel]
    switch transport {
    case .ipc: return "ipc://\(ip)-\(port)"
    case .tcp:
      let host = ip.contains(":") && !ip.hasPrefix("[") ? "[\(ip)]" : ip
      return "tcp://\(host):\(port == 0 ? "*" : String(port))"
    }
  }
}
