// The calls of docs/architecture.md, "HTTP on the control socket". `kernel` is an id, UUID, name or base port.
import JSON

extension FleetClient {
  /// Starting a kernel may mean starting an interpreter from a cold disk.
  public static let startTimeout = Duration.seconds(120)

  public func health(timeout: Duration = usualTimeout) throws(FleetClientError) -> JSON {
    try call("GET", "/health", timeout: timeout)
  }

  public func status() throws(FleetClientError) -> JSON { try call("GET", "/status") }

  /// `{"kernels":[…],"next"}`.
  /// - Parameter query: pairs of names and values as `GET /kernels` takes them; all kernels without.
  public func kernels(_ query: [(String, String)] = []) throws(FleetClientError) -> JSON {
    try call("GET", "/kernels" + Self.query(query))
  }

  /// `{"events":[…],"next"}`, the oldest first.
  public func events(_ query: [(String, String)] = []) throws(FleetClientError) -> JSON {
    try call("GET", "/events" + Self.query(query))
  }

  /// With a question mark; nothing of nothing.
  public static func query(_ pairs: [(String, String)]) -> String {
    pairs.isEmpty ? "" : "?" + pairs.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
  }

  /// `{"kernel":{…}}` with its events.
  public func kernel(_ kernel: String) throws(FleetClientError) -> JSON { try call("GET", Self.path(kernel)) }

  /// `{"kernel":{…}}` once it answers.
  public func spawn(_ request: JSON) throws(FleetClientError) -> JSON {
    try call("POST", "/kernels", request, timeout: Self.startTimeout)
  }

  /// `{"kernel":{…},"decision":{…}}`.
  public func find(_ requirements: JSON) throws(FleetClientError) -> JSON {
    try call("POST", "/find", requirements, timeout: Self.startTimeout)
  }

  /// - Parameter timeout: how long the kernel may take before it is killed; nil is the host's default.
  public func stop(
    _ kernel: String, force: Bool = false, timeout: Duration? = nil
  ) throws(FleetClientError) -> JSON {
    var query: [String] = []
    if force { query.append("force=1") }
    if let timeout { query.append("timeout=\(Self.seconds(timeout))") }
    let path = Self.path(kernel) + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    return try call("DELETE", path, timeout: Self.usualTimeout + (timeout ?? .zero))
  }

  /// `{"stopped":[id…],"failed":[{"id","error"}]}`.
  public func stopAll() throws(FleetClientError) -> JSON { try call("DELETE", "/kernels", timeout: Self.startTimeout) }

  public func restart(_ kernel: String) throws(FleetClientError) -> JSON {
    try call("POST", Self.path(kernel, "restart"), timeout: Self.startTimeout)
  }

  public func interrupt(_ kernel: String) throws(FleetClientError) -> JSON {
    try call("POST", Self.path(kernel, "interrupt"))
  }

  /// `{"connection":{…}}` as a connection file has it.
  public func connection(_ kernel: String) throws(FleetClientError) -> JSON {
    try call("GET", Self.path(kernel, "connection"))
  }

  /// `{"lines":[…]}`, the last ones.
  public func logs(_ kernel: String, lines: Int) throws(FleetClientError) -> JSON {
    try call("GET", Self.path(kernel, "logs") + "?lines=\(lines)")
  }

  /// Registers this process as a client of the kernel; `{"others":n,"clients":[name…]}`.
  public func addClient(_ kernel: String, name: String, pid: Int32) throws(FleetClientError) -> JSON {
    try call("POST", Self.path(kernel, "clients"), ["name": .string(name), "pid": .int(Int64(pid))])
  }

  public func removeClient(_ kernel: String, pid: Int32) throws(FleetClientError) -> JSON {
    try call("DELETE", Self.path(kernel, "clients/\(pid)"))
  }

  /// `{"removed":[{"id","files":[…]}]}`.
  public func cleanup() throws(FleetClientError) -> JSON { try call("POST", "/cleanup") }

  /// - Parameter kernels: whether the kernels end too; else they outlive the host.
  public func shutdown(kernels: Bool) throws(FleetClientError) -> JSON {
    try call("POST", "/shutdown" + (kernels ? "?kernels=1" : ""), timeout: Self.startTimeout)
  }

  public func registry() throws(FleetClientError) -> JSON { try call("GET", "/registry") }

  /// The document of spec §6.
  public func metrics() throws(FleetClientError) -> JSON { try call("GET", "/metrics") }

  /// The text that Prometheus scrapes.
  public func exposition() throws(FleetClientError) -> String { try text("/metrics/prometheus") }

  /// `{"kernel","step_seconds","from","to","points":[…]}`.
  /// - Parameters:
  ///   - since: a length of time such as `6h`, or a time.
  ///   - step: `10s`, `1m` or `10m`.
  public func metricsHistory(
    kernel: String? = nil, since: String? = nil, step: String? = nil
  ) throws(FleetClientError) -> JSON {
    let query = [("kernel", kernel), ("since", since), ("step", step)].compactMap { name, value in
      value.map { "\(name)=\(Self.encoded($0))" }
    }
    return try call("GET", "/metrics/history" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
  }

  /// `{"pools":[…]}`.
  public func pools() throws(FleetClientError) -> JSON { try call("GET", "/pools") }

  /// `{"alerts":[…]}`.
  public func alerts() throws(FleetClientError) -> JSON { try call("GET", "/alerts") }

  /// `{"silences":[…]}`.
  public func silences() throws(FleetClientError) -> JSON { try call("GET", "/silences") }

  /// `{"silence":{…}}`.
  public func silence(_ request: JSON) throws(FleetClientError) -> JSON { try call("POST", "/silences", request) }

  /// `{"silence":{…}}`, which has ended.
  public func endSilence(_ id: String) throws(FleetClientError) -> JSON {
    try call("DELETE", "/silences/" + Self.encoded(id))
  }

  /// `{"policies":[…]}`.
  public func policies() throws(FleetClientError) -> JSON { try call("GET", "/policies") }

  /// `{"policies":[{"path","problem"}]}`.
  /// - Parameter path: of one policy, absolute; nil reloads all.
  public func reloadPolicies(_ path: String?) throws(FleetClientError) -> JSON {
    try call("POST", "/policies/reload", path.map { ["path": .string($0)] } ?? [:])
  }

  /// `{"decisions":[…]}`, the newest first.
  public func decisions(
    limit: Int, entry: String? = nil, kernel: String? = nil, since: String? = nil
  ) throws(FleetClientError) -> JSON {
    var query = "?limit=\(limit)"
    for (name, value) in [("entry", entry), ("kernel", kernel), ("since", since)] {
      if let value { query += "&\(name)=\(Self.encoded(value))" }
    }
    return try call("GET", "/decisions" + query)
  }

  /// `{"decision":{…},"rows":[…]}`.
  public func decision(_ id: String) throws(FleetClientError) -> JSON {
    try call("GET", "/decisions/" + Self.encoded(id))
  }

  /// What was recorded between two times (seconds since 1970 or ISO 8601), as a trace.
  public func trace(from: String? = nil, to: String? = nil) throws(FleetClientError) -> JSON {
    let query = [("from", from), ("to", to)].compactMap { name, value in value.map { "\(name)=\(Self.encoded($0))" } }
    let path = "/trace" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    return try call("GET", path, timeout: Self.startTimeout)
  }

  private static func path(_ kernel: String, _ rest: String? = nil) -> String {
    "/kernels/" + encoded(kernel) + (rest.map { "/" + $0 } ?? "")
  }

  /// Everything but RFC 3986's unreserved characters is percent-encoded, so that no name can be another path.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        result += hex.utf8.count == 1 ? "%0" + hex : "%" + hex
      }
    }
    // "." and ".." are unreserved and yet a way up.
    return result == "." || result == ".." ? String(repeating: "%2E", count: result.count) : result
  }

  private static func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    return milliseconds == 0 ? "\(seconds)" : "\(seconds)." + String(1000 + milliseconds).dropFirst()
  }
}
