// Kernels and requests as Lua sees them: the names of their fields, and which kernels match a request.

import FleetEngine
import LuaRuntime

extension LuaSchema {
  /// What `fleet:match(request)` finds is what `Requirements.accepts` accepts; moreover the kernel of a session is
  /// preferred to all others.
  static let kernels = LuaSchema(
    rowFields: [
      "id", "uuid", "serial", "name", "language", "kernelspec", "config", "provider", "model", "memory_limit", "port",
      "owner", "pool", "status", "clients", "restarts", "labels", "sessions",
    ],
    requestFields: [
      "language", "kernelspec", "config", "provider", "model", "memory", "labels", "owner", "session",
    ],
    rules: [
      .equal(request: "language", row: "language"), .equal(request: "kernelspec", row: "kernelspec"),
      .fileName(request: "config", row: "config"), .equal(request: "provider", row: "provider"),
      .equal(request: "model", row: "model"), .atLeast(request: "memory", row: "memory_limit"),
      .includes(request: "labels", row: "labels"), .equal(request: "owner", row: "owner"),
      .prefers(request: "session", row: "sessions"),
    ],
    eligible: ("status", Status.allCases.filter(\.isUsable).map(\.rawValue)), orderField: "serial")
}

extension LuaEncoder {
  /// In the order of the schema.
  func append(_ row: KernelRow) {
    append(text: row.id)
    append(text: row.uuid)
    append(integer: Int64(row.serial))
    append(text: row.name)
    append(text: row.language)
    append(text: row.kernelspec)
    append(text: row.config)
    append(text: row.provider)
    append(text: row.model)
    append(integer: row.memoryLimit)
    append(integer: Int64(row.port))
    append(text: row.owner)
    append(text: row.pool)
    append(text: row.status)
    append(integer: Int64(row.clients))
    append(integer: Int64(row.restarts))
    append(texts: row.labels)
    append(texts: row.sessions)
  }

  /// In the order of the schema.
  func append(_ request: Requirements) {
    append(text: request.language)
    append(text: request.kernelspec)
    append(text: request.config)
    append(text: request.provider)
    append(text: request.model)
    append(integer: request.memory)
    append(texts: request.labels)
    append(text: request.owner)
    append(text: request.session)
  }
}
