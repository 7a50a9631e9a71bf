// Metrics over HTTP: a document, the text that Prometheus scrapes, and what they were.
import FleetConfiguration
import FleetCore
import FleetEngine
import Foundation
import Hummingbird
import JSON

func addMetricsRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost, _ control: HostControl) {
  @Sendable func exposition(
    _ format: Exposition.Format, _ request: Request, _ viewer: Viewer
  ) async throws -> Response {
    let names = try request.metricNames
    let bytes = await host.metrics(as: viewer).exposition(format, names, version: control.version)
    return Response(
      status: .ok, headers: [.contentType: format.contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
  router.get("metrics") { request, context in
    guard let format = try request.expositionFormat else {
      return Response(document: await host.metrics(as: context.viewer).json)
    }
    return try await exposition(format, request, context.viewer)
  }
  router.get("metrics/prometheus") { request, context in
    try await exposition(request.preferredText ?? .text, request, context.viewer)
  }
  router.get("metrics/history") { request, context in
    var query = HistoryQuery()
    query.kernel = request.uri.queryParameters["kernel"].map(String.init)
    query.since = try request.pastTime("since")
    if let text = request.uri.queryParameters["step"].map(String.init) {
      guard let step = HistoryStep(text: text) else {
        throw EngineError(.badRequest, "step=\(text) is none of 10s, 1m, 10m")
      }
      query.step = step
    }
    return Response(document: try await host.metricsHistory(query, as: context.viewer))
  }
}

extension Request {
  /// `?format=` decides; without it, whether `Accept` prefers text to JSON. Nil is JSON.
  fileprivate var expositionFormat: Exposition.Format? {
    get throws(EngineError) {
      switch uri.queryParameters["format"].map(String.init) {
      case "prometheus": return preferredText ?? .text
      case "openmetrics": return .openMetrics
      case "json": return nil
      case nil: return preferredText
      case .some(let other):
        throw EngineError(.badRequest, "format=\(other) is none of json, prometheus, openmetrics")
      }
    }
  }

  /// The text format that `Accept` prefers; nil if it prefers JSON or has no opinion.
  fileprivate var preferredText: Exposition.Format? {
    let accepted = headers[values: .accept].joined(separator: ",").split(separator: ",").map(AcceptedType.init)
    // Of equal weight the first counts, so the order is kept.
    for type in accepted.filter({ $0.weight > 0 }).enumerated().sorted(by: {
      ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset)
    }).map(\.element) {
      if type.name == "application/openmetrics-text" { return .openMetrics }
      if type.name.hasPrefix("text/") { return .text }
      if type.name.hasSuffix("json") { return nil }
    }
    return nil
  }

  /// `?names=fleet` leaves the names of spec §6 out.
  fileprivate var metricNames: MetricNames {
    get throws(EngineError) {
      guard let text = uri.queryParameters["names"].map(String.init) else { return .all }
      guard let names = MetricNames(rawValue: text) else {
        throw EngineError(.badRequest, "names=\(text) is neither all nor fleet")
      }
      return names
    }
  }

  /// A length of time such as `6h` before now, seconds since 1970, or RFC 3339; in seconds since 1970.
  fileprivate func pastTime(_ name: String) throws(EngineError) -> Int64? {
    guard let text = uri.queryParameters[name[...]].map(String.init) else { return nil }
    let now = Int64(Date().timeIntervalSince1970)
    if let seconds = Double(text), abs(seconds) < 1e11 { return Int64(seconds) }
    // What is no length of time may be a time.
    if let length = try? DurationText.parse(text) { return now - length.components.seconds }
    if let time = TimeText.milliseconds(text) { return time / 1000 }
    throw EngineError(
      .badRequest, "\(name)=\(text) is no time; write 6h, seconds since 1970, or 2026-11-21T10:00:00Z")
  }
}

/// One part of an `Accept` header (RFC 9110, 12.5.1).
private struct AcceptedType {
  var name: String
  var weight: Double

  init(_ text: Substring) {
    let parts = text.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    name = parts.first ?? ""
    // A weight that is no number weighs as one that is missing.
    weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
  }
}
