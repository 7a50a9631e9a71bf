// The documents of the API, by name.
import FleetCore
import FleetEngine
import JSON

extension APIDescription {
  static var schemas: [String: JSON] {
    var schemas = requestSchemas
    schemas.merge(answerSchemas) { _, new in new }
    schemas.merge(recordSchemas) { _, new in new }
    schemas.merge(metricsSchemas) { _, new in new }
    schemas.merge(jupyterSchemas) { _, new in new }
    return schemas
  }

  /// Members of kernels that do not change while nothing happens.
  private static let durable: [String: JSON] = [
    "id": ["type": "string", "pattern": "^kernel-[0-9a-f]{8}$"], "uuid": ["type": "string", "format": "uuid"],
    "name": Schema.maybe(Schema.string), "pid": Schema.maybe(Schema.integer), "port": Schema.integer(1...65_535),
    "language": Schema.string, "kernelspec": Schema.string, "config": Schema.maybe(Schema.string),
    "provider": Schema.maybe(Schema.string), "model": Schema.maybe(Schema.string), "connection_file": Schema.string,
    "log_file": Schema.string, "started_at": Schema.maybe(Schema.time),
    "status": Schema.one(of: Status.allCases.map(\.rawValue)), "clients": Schema.list(Schema.string),
    "memory_limit": Schema.maybe(Schema.integer), "cpu_limit": Schema.maybe(Schema.number),
    "processes": Schema.maybe(Schema.integer), "open_files": Schema.maybe(Schema.integer),
    "file_size": Schema.maybe(Schema.integer), "nice": Schema.maybe(Schema.integer),
    "hardening": Schema.list(Schema.string),
    "labels": Schema.map(Schema.string), "owner": Schema.string, "user": Schema.maybe(Schema.integer),
    "pool": Schema.maybe(Schema.string), "claimed": Schema.bool, "restarts": Schema.count,
    "exit": Schema.maybe(
      Schema.object([
        "code": Schema.maybe(Schema.integer), "signal": Schema.maybe(Schema.integer), "reason": Schema.string,
        "ended_at": Schema.maybe(Schema.time),
      ])),
  ]

  private static let kernel: [String: JSON] = durable.merging([
    "uptime_seconds": Schema.maybe(Schema.number), "connections": Schema.count,
    "health": Schema.object(["state": Schema.one(of: ["HEALTHY", "UNHEALTHY", "DEAD"]), "reason": Schema.string]),
    "memory_mb": Schema.maybe(Schema.number), "cpu_percent": Schema.maybe(Schema.number),
    "threads": Schema.maybe(Schema.integer), "shim_pid": Schema.maybe(Schema.integer),
  ]) { _, new in new }

  private static let story: JSON = Schema.list(
    Schema.object(["time": Schema.time, "event": Schema.string, "detail": Schema.string]))

  private static let health: [String: JSON] = [
    "status": Schema.one(of: ["healthy"]), "version": Schema.string, "pid": Schema.integer,
    "uptime_seconds": Schema.number, "total_kernels": Schema.count, "active_kernels": Schema.count,
    "dead_kernels": Schema.count, "fleet_dir": Schema.string, "http": Schema.maybe(Schema.string),
    "http_problem": Schema.maybe(Schema.string), "storage_problem": Schema.maybe(Schema.string),
    "registry_set_aside": Schema.maybe(Schema.string),
  ]

  private static let answerSchemas: [String: JSON] = [
    "Error": Schema.object(
      [
        "error": ["type": "string", "description": "One sentence: what happened, and what to do."],
        "code": Schema.one(of: EngineError.Code.allCases.map(\.rawValue)),
        "reason": Schema.string, "message": Schema.string,
      ], optional: ["reason", "message"],
      about: "`reason` and `message` say the same to Jupyter's clients: below `/api` they stand beside the others."),
    "Kernel": Schema.object(kernel),
    "KernelWithStory": Schema.object(
      kernel.merging(["events": story, "out_of_memory_kills": Schema.maybe(Schema.count)]) { _, new in new }),
    "KernelPage": Schema.object([
      "kernels": Schema.list(Schema.ref("Kernel")),
      "next": [
        "type": ["string", "null"], "description": "For `after`; null on the last page.",
      ],
    ]),
    "Spawned": Schema.object(["kernel": Schema.ref("Kernel"), "taken": Schema.bool]),
    "Stopped": Schema.object([
      "stopped": Schema.list(Schema.string),
      "failed": Schema.list(Schema.object(["id": Schema.string, "error": Schema.string])),
    ]),
    "Health": Schema.object(health, optional: Set(health.keys).subtracting(["status", "version"])),
    "Status": Schema.object(
      health.merging(["policies": Schema.list(Schema.ref("Policy")), "configuration": Schema.string]) { _, new in new },
      optional: ["http", "http_problem"]),
    "Registry": Schema.object([
      "kernels": Schema.list(Schema.object(durable)), "next_port": Schema.maybe(Schema.integer),
      "total_spawned": Schema.count,
    ]),
    "Event": Schema.object([
      "id": Schema.string, "time": Schema.time, "type": Schema.one(of: FleetEvent.Kind.allCases.map(\.rawValue)),
      "kernel": Schema.maybe(Schema.string), "name": Schema.maybe(Schema.string), "owner": Schema.maybe(Schema.string),
      "detail": Schema.string,
    ]),
    "EventPage": Schema.object([
      "events": Schema.list(Schema.ref("Event")),
      "next": ["type": "string", "description": "For `after`: what happens later follows it."],
    ]),
  ]
}
