// Numbers: of kernels, for people and for Prometheus.
import JSON

extension APIDescription {
  static let metricsOperations: [Operation] = [
    Operation(
      "GET", "/metrics", "getMetrics", "metrics",
      "What kernels use; as text for Prometheus if `Accept` names text before JSON.",
      [.init(name: "format", about: "Overrides `Accept`.", schema: Schema.one(of: ["json", "prometheus"]))],
      answers: [
        .init(
          status: 200, about: "All kernels.",
          content: [("application/json", Schema.ref("Metrics")), ("text/plain", Schema.string)])
      ]),
    Operation(
      "GET", "/metrics/prometheus", "scrape", "metrics", "The text that Prometheus scrapes.",
      answers: [.init(status: 200, about: "Format 0.0.4.", content: [("text/plain", Schema.string)])]),
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
        ])),
      "aggregated": Schema.object([
        "active_kernels": Schema.count, "dead_kernels": Schema.count, "total_memory_mb": Schema.number,
        "avg_memory_mb": Schema.number, "total_cpu_percent": Schema.number, "avg_cpu_percent": Schema.number,
        "total_connections": Schema.count, "total_threads": Schema.count,
      ]),
    ])
  ]
}
