// A kernel as policies see it, as JSON. Times are nanoseconds on the clock of the host's run.
import FleetEngine
import JSON

public enum RowDocument {
  /// What is nil or empty is left out.
  public static func encode(_ row: KernelRow) -> JSON { .object(members(row)) }

  /// The members of `encode`, for those who compare rows member by member.
  public static func members(_ row: KernelRow) -> [String: JSON] {
    var document = DocumentWriter()
    document.set("uuid", row.uuid)
    document.set("serial", row.serial)
    document.set("name", row.name)
    document.set("language", row.language)
    document.set("kernelspec", row.kernelspec)
    document.set("config", row.config)
    document.set("provider", row.provider)
    document.set("model", row.model)
    document.set("memory_limit", row.memoryLimit)
    document.set("port", row.port)
    document.set("owner", row.owner)
    document.set("pool", row.pool)
    document.set("status", row.status)
    document.set("clients", row.clients)
    document.set("restarts", row.restarts)
    document.set("labels", row.labels)
    document.set("sessions", row.sessions)
    document.set("connections", row.connections)
    document.set("ready_at_ns", row.readyAt?.nanoseconds)
    document.set("idle_since_ns", row.idleSince?.nanoseconds)
    document.set("crashes", row.crashes)
    document.set("memory", row.memory)
    document.set("cpu", row.cpu)
    document.set("threads", row.threads)
    document.set("latency", row.latency)
    return document.members
  }

  /// - Parameter place: of the document, for errors.
  public static func decode(_ json: JSON, at place: String = "row") throws(DocumentError) -> KernelRow {
    let reader = try DocumentReader(json, at: place)
    guard let id = KernelID(uuid: try reader.string("uuid")) else { throw reader.wrong("uuid", "a UUID") }
    let kernel = Kernel(
      id: id, serial: try reader.int("serial"),
      specification: Specification(
        kernelspec: try reader.string("kernelspec"), language: try reader.string("language")),
      key: "", port: try reader.int("port"))
    var row = KernelRow(kernel)
    row.name = try reader.optionalString("name")
    row.config = try reader.optionalString("config")
    row.provider = try reader.optionalString("provider")
    row.model = try reader.optionalString("model")
    row.memoryLimit = try reader.optionalInt("memory_limit")
    row.owner = try reader.string("owner")
    row.pool = try reader.optionalString("pool")
    row.status = try reader.string("status")
    row.clients = try reader.int("clients", default: 0)
    row.restarts = try reader.int("restarts", default: 0)
    row.labels = try reader.stringsByName("labels")
    row.sessions = try reader.strings("sessions")
    row.connections = try reader.int("connections", default: 0)
    row.readyAt = try reader.optionalInt("ready_at_ns").map(Instant.init(nanoseconds:))
    row.idleSince = try reader.optionalInt("idle_since_ns").map(Instant.init(nanoseconds:))
    row.crashes = try reader.int("crashes", default: 0)
    row.memory = try reader.optionalInt("memory")
    row.cpu = try reader.optionalDouble("cpu")
    row.threads = try reader.optionalInt("threads").map { Int($0) }
    row.latency = try reader.optionalDouble("latency")
    return row
  }
}
