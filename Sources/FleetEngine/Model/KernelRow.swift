// What a policy sees of a kernel. The policy host keeps these rows inside the policy's state and changes them in place.

public struct KernelRow: Sendable, Hashable {
  public let id: String
  public let uuid: String
  public let serial: Int
  public var name: String?
  public var language: String
  public var kernelspec: String
  /// The config's file name (`openai.toml`); nil without one.
  public var config: String?
  public var provider: String?
  public var model: String?
  /// Bytes; nil without a limit.
  public var memoryLimit: Int64?
  public var port: Int
  public var owner: String
  public var pool: String?
  public var status: String
  /// Connected, or about to be.
  public var clients: Int
  public var restarts: Int
  public var labels: [String: String]
  public var sessions: [String]
  /// Established peers of the shell port.
  public var connections: Int
  /// When the present process answered for the first time.
  public var readyAt: Instant?
  /// Since when it runs nothing; nil while it is busy or not there.
  public var idleSince: Instant?
  /// Crashes within the last 60 s.
  public var crashes: Int
  /// Resident bytes, as measured last; nil before the first measurement.
  public var memory: Int64?
  /// Per cent of one core between the last two measurements.
  public var cpu: Double?
  public var threads: Int?
  /// Peak exponentially weighted moving average of the time that its executions take, in seconds; nil before the first.
  public var latency: Double?

  public init(_ kernel: Kernel) { self.init(kernel, id: kernel.id.description, uuid: kernel.id.uuid) }

  private init(_ kernel: Kernel, id: String, uuid: String) {
    let specification = kernel.specification
    self.id = id
    self.uuid = uuid
    serial = kernel.serial
    name = specification.name
    language = specification.language
    kernelspec = specification.kernelspec
    config = specification.config.map(Requirements.fileName)
    provider = specification.provider
    model = specification.model
    memoryLimit = specification.limits.memory
    port = kernel.port
    owner = specification.owner
    pool = specification.pool
    status = kernel.shownStatus.rawValue
    clients = kernel.clients
    restarts = kernel.restarts
    labels = specification.labels
    sessions = kernel.sessions
    connections = kernel.connections
    readyAt = kernel.readySince
    idleSince = kernel.idleSince
    crashes = kernel.recentExits.count
    memory = kernel.sample?.memory
    cpu = kernel.sample?.cpu
    threads = kernel.sample?.threads
    latency = kernel.latency
  }

  var isUsable: Bool { Status(rawValue: status)?.isUsable == true }

  /// Takes over what can change in a kernel's life; false if nothing did.
  mutating func update(_ kernel: Kernel) -> Bool {
    let row = KernelRow(kernel, id: id, uuid: uuid)
    if row == self { return false }
    self = row
    return true
  }
}

public enum KernelRowChange: Sendable, Hashable {
  /// A new row, or new values of the row with this UUID.
  case put(KernelRow)
  /// The UUID of a row that is gone.
  case remove(String)

  public var uuid: String {
    switch self {
    case .put(let row): row.uuid
    case .remove(let uuid): uuid
    }
  }

  /// The new values; nil if the row is gone.
  public var row: KernelRow? { if case .put(let row) = self { row } else { nil } }
}
