// Metrics over HTTP: a document, or the text that Prometheus scrapes.
import FleetCore
import FleetEngine
import Hummingbird
import JSON

func addMetricsRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("metrics") { request, context in
    let isText = try request.wantsExposition
    let metrics = await host.metrics(as: context.viewer)
    return isText ? Response(metrics) : Response(document: metrics.json)
  }
  router.get("metrics/prometheus") { _, context in Response(await host.metrics(as: context.viewer)) }
}

extension Response {
  fileprivate init(_ metrics: FleetMetrics) {
    self.init(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.exposition)))
  }
}

extension Request {
  /// `?format=` decides; without it, whether `Accept` names text (or OpenMetrics, as Prometheus does) before JSON.
  fileprivate var wantsExposition: Bool {
    get throws(EngineError) {
      switch uri.queryParameters["format"].map(String.init) {
      case "prometheus": return true
      case "json": return false
      case nil: break
      case .some(let other): throw EngineError(.badRequest, "format=\(other) is neither json nor prometheus")
      }
      let preferred = headers[.accept]?.split(separator: ",").map { $0.split(separator: ";")[0].filter { $0 != " " } }
      let first = preferred?.first { $0.hasPrefix("text/") || $0.hasSuffix("json") || $0.contains("openmetrics") }
      return first.map { !$0.hasSuffix("json") } ?? false
    }
  }
}
