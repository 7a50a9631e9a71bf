// Kernels as fixtures write them: a table with the fields that a policy sees, of which most may be left out.

import FleetConfiguration
import FleetEngine
import LuaRuntime

/// Makes rows of tables. Ids are counted from 1, so that the same fixture always has the same.
enum KernelFields {
  static func uuid(_ serial: Int) -> String {
    let digits = String(serial, radix: 16)
    let padded = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    return "\(padded)-0000-4000-8000-000000000000"
  }

  /// - Parameters:
  ///   - serial: of a kernel that does not say it.
  ///   - now: seconds; a kernel that does not say since when it is ready has been so since 0.
  static func row(_ value: LuaValue, serial: Int) throws(ToolError) -> KernelRow {
    var fields = try FieldReader(value, "kernel")
    let serial = try fields.integer("serial") ?? serial
    let uuid = try fields.string("uuid") ?? uuid(serial)
    guard let id = KernelID(uuid: uuid) else { throw ToolError("kernel.uuid: \"\(uuid)\" is no UUID") }
    if let given = try fields.string("id"), given != id.description {
      throw ToolError("kernel.id: \"\(given)\" is not \"\(id.description)\", the id of UUID \(uuid); leave it out")
    }
    var kernel = Kernel(id: id, serial: serial, specification: try specification(&fields), key: "", port: 0)
    kernel.port = try fields.integer("port") ?? 9555 + 5 * (serial - 1)
    kernel.status = try status(&fields) ?? .idle
    kernel.restarts = try fields.integer("restarts") ?? 0
    kernel.sessions = try fields.strings("sessions") ?? []
    var row = KernelRow(kernel)
    try measure(&row, &fields, kernel.status)
    try fields.finish()
    return row
  }

  private static func specification(_ fields: inout FieldReader) throws(ToolError) -> Specification {
    let language = try fields.string("language") ?? "lua"
    return Specification(
      kernelspec: try fields.string("kernelspec") ?? (language == "lua" ? "fleet-lua" : language), language: language,
      config: try fields.string("config"), provider: try fields.string("provider"), model: try fields.string("model"),
      name: try fields.string("name"), labels: try fields.stringsByName("labels") ?? [:],
      owner: try fields.string("owner") ?? "", pool: try fields.string("pool"),
      limits: FleetEngine.Limits(memory: try fields.bytes("memory_limit")))
  }

  private static func status(_ fields: inout FieldReader) throws(ToolError) -> Status? {
    guard let word = try fields.string("status") else { return nil }
    if let status = Status(rawValue: word) { return status }
    let hint = NearestName.hint(for: word, among: Status.allCases.map(\.rawValue), what: "write one of")
    throw ToolError("kernel.status: \"\(word)\" is not known\(hint)")
  }

  /// What is seen of a kernel, rather than decided. Who has clients has as many connections, and the other way round.
  private static func measure(
    _ row: inout KernelRow, _ fields: inout FieldReader, _ status: Status
  ) throws(ToolError) {
    let (clients, connections) = (try fields.integer("clients"), try fields.integer("connections"))
    row.clients = clients ?? connections ?? 0
    row.connections = connections ?? clients ?? 0
    let answers = status == .idle || status == .busy || status == .unhealthy
    row.readyAt = try fields.seconds("ready_at").map(Instant.init(seconds:)) ?? (answers ? Instant(seconds: 0) : nil)
    row.idleSince =
      try fields.seconds("idle_since").map(Instant.init(seconds:)) ?? (status == .idle ? Instant(seconds: 0) : nil)
    row.crashes = try fields.integer("crashes") ?? 0
    row.memory = try fields.bytes("memory")
    row.cpu = try fields.number("cpu")
    row.threads = try fields.integer("threads")
    row.latency = try fields.seconds("latency")
  }
}

extension Instant {
  init(seconds: Double) { self.init(nanoseconds: Int64((seconds * 1e9).rounded())) }

  var seconds: Double { Double(nanoseconds) / 1e9 }
}
