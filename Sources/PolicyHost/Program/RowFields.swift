// Kernels as Lua sees them: the names of their fields, and which kernels match a request.

import FleetEngine
import LuaRuntime

extension LuaSchema {
  /// What `fleet:match(request)` finds is what `Requirements.accepts` accepts; moreover the kernel of a session is
  /// preferred to all others.
  static let kernels = LuaSchema(
    rowFields: KernelRow.fields, requestFields: Requirements.fields,
    views: [Specification.fields, PoolView.fields, Crash.fields],
    rules: [
      .equal(request: "language", row: "language"), .equal(request: "kernelspec", row: "kernelspec"),
      .fileName(request: "config", row: "config"), .equal(request: "provider", row: "provider"),
      .equal(request: "model", row: "model"), .atLeast(request: "memory", row: "memory_limit"),
      .includes(request: "labels", row: "labels"), .equal(request: "owner", row: "owner"),
      .prefers(request: "session", row: "sessions"),
    ],
    eligible: ("status", Status.allCases.filter(\.isUsable).map(\.rawValue)), keyField: "uuid", orderField: "serial")
}

extension KernelRow {
  public static let fields = [
    "id", "uuid", "serial", "name", "language", "kernelspec", "config", "provider", "model", "memory_limit", "port",
    "owner", "pool", "status", "clients", "restarts", "labels", "sessions", "connections", "ready_at", "idle_since",
    "crashes", "memory", "cpu", "threads", "latency",
  ]
}

extension LuaEncoder {
  /// In the order of `KernelRow.fields`.
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
    append(integer: Int64(row.connections))
    append(number: row.readyAt?.seconds)
    append(number: row.idleSince?.seconds)
    append(integer: Int64(row.crashes))
    append(integer: row.memory)
    append(number: row.cpu)
    append(integer: row.threads.map(Int64.init))
    append(number: row.latency)
  }
}

extension Instant {
  /// On the clock of Lua's `now()`.
  var seconds: Double { Double(nanoseconds) / 1e9 }
}
