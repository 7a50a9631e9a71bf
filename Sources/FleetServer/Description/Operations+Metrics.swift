// Numbers: of kernels, for people and for Prometheus.
import JSON

extension APIDescription {
  static let metricsOperations: [Operation] = [
    Operation(
      "GET", "/metrics", "getMetrics", "metrics",
      "What kernels use; as text for Prometheus if `Accept` names text before JSON.",
      [
        .init(
          name: "format", about: "Overrides `Accept`.", schema: Schema.one(of: ["json", "prometheus", "openmetrics"])),
        names,
      ],
      answers: [
        .init(
          status: 200, about: "All kernels.",
          content: [("application/json", Schema.ref("Metrics"))] + texts)
      ]),
    Operation(
      "GET", "/metrics/prometheus", "scrape", "metrics", "The text that Prometheus scrapes.", [names],
      answers: [.init(status: 200, about: "As `Accept` prefers it.", content: texts)]),
    Operation(
      "GET", "/metrics/history", "getHistory", "metrics", "What they were, in steps.",
      [
        .text("kernel", "Of one kernel; of one that is gone by id or UUID. The whole fleet without."),
        .init(
          name: "since", about: "A length of time such as 6h, seconds since 1970, or RFC 3339; an hour unless told.",
          schema: [
            "anyOf": [
              Schema.number(0...9_999_999_999), ["type": "string", "pattern": .string(lengths)], Schema.time,
            ]
          ]),
        .init(
          name: "step", about: "How long a step is; the finest that reaches so far unless told.",
          schema: Schema.one(of: ["10s", "1m", "10m"])),
      ], answers: [.json(Schema.ref("History"), "The steps, the oldest first.")], errors: [.kernelNotFound, .storage]),
  ]

  /// Not more than any clock can be set back by, so that all of them are lengths of time.
  private static let lengths =
    "^(([0-9]{1,9}(\\.[0-9]{1,3})?(ms|s))|([0-9]{1,6}(\\.[0-9]{1,3})?m)|([0-9]{1,5}(\\.[0-9]{1,3})?[hd])){1,3}$"

  private static let names = Operation.Parameter(
    name: "names", about: "`fleet` leaves out the names that begin with llmspell.",
    schema: Schema.one(of: ["all", "fleet"]))
  private static let texts = [
    (type: "text/plain", schema: Schema.string), (type: "application/openmetrics-text", schema: Schema.string),
  ]

  private static let io = Schema.maybe(
    Schema.object([
      "read_bytes": Schema.count, "write_bytes": Schema.count, "read_count": Schema.count, "write_count": Schema.count,
    ]))

  static let metricsSchemas: [String: JSON] = [
    "Metrics": Schema.object([
      "timestamp": Schema.time, "total_kernels": Schema.count, "total_spawned": Schema.count,
      "kernels": Schema.list(
        Schema.object([
          "id": Schema.string, "port": Schema.integer, "language": Schema.string, "status": Schema.string,
          "memory_mb": Schema.maybe(Schema.number), "memory_percent": Schema.maybe(Schema.number),
          "cpu_percent": Schema.maybe(Schema.number), "connections": Schema.count,
          "connection_details": Schema.list(Schema.string), "threads": Schema.maybe(Schema.integer),
          "uptime_seconds": Schema.maybe(Schema.number), "nice": Schema.maybe(Schema.integer), "io": io,
          "busy_seconds": Schema.number, "cgroup": ["type": ["object", "null"]],
        ])),
      "aggregated": Schema.object([
        "active_kernels": Schema.count, "dead_kernels": Schema.count, "total_memory_mb": Schema.number,
        "avg_memory_mb": Schema.number, "total_cpu_percent": Schema.number, "avg_cpu_percent": Schema.number,
        "total_connections": Schema.count, "total_threads": Schema.count,
      ]),
    ]),
    "History": Schema.object([
      "kernel": Schema.maybe(Schema.string), "step_seconds": Schema.integer, "from": Schema.time, "to": Schema.time,
      "points": Schema.list(
        Schema.object([
          "time": Schema.time, "kernels": Schema.number, "memory_mb": Schema.number, "cpu_percent": Schema.number,
          "connections": Schema.number, "busy_percent": Schema.number,
        ])),
    ]),
  ]
}
