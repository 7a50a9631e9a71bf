// Pools, alerts, policies and recorded decisions.
import FleetCore
import FleetEngine
import Foundation
import Hummingbird
import JSON

func addPolicyRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost, _ control: HostControl) {
  router.get("pools") { _, _ in Response(document: await host.pools()) }
  router.get("alerts") { _, context in Response(document: await host.alerts(as: context.viewer)) }
  router.get("policies") { _, _ in
    Response(document: ["policies": .array(host.setup.policies.summaries().map(\.json))])
  }
  router.post("policies/reload") { request, context in
    let (_, path) = try await request.document(context) { body throws in
      guard case .object(let members) = body, members.keys.allSatisfy({ $0 == "path" }) else {
        throw EngineError(.badRequest, "the body is {\"path\": \"…\"} for one policy, or {} for all")
      }
      return body["path"]?.string
    }
    let results = await control.reloadPolicies(path)
    if results.isEmpty, let path {
      throw EngineError(.badRequest, "the host uses no policy \(path); see GET /policies")
    }
    return Response(document: [
      "policies": .array(results.map { ["path": .string($0.path), "problem": JSON($0.problem)] })
    ])
  }
  router.get("decisions") { request, _ in
    var query = DecisionQuery()
    query.limit = try request.count("limit", default: 20, most: 10_000)
    query.kernel = request.uri.queryParameters["kernel"].map(String.init)
    query.since = try request.time("since")
    query.after = request.uri.queryParameters["after"].map(String.init)
    if let name = request.uri.queryParameters["entry"].map(String.init) {
      guard let entry = EntryPoint(rawValue: name) else {
        throw EngineError(
          .badRequest, "entry=\(name) is none of \(EntryPoint.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      query.entry = entry
    }
    return Response(document: try await host.decisions(query))
  }
  router.get("decisions/:decision") { _, context in
    Response(document: try await host.decision(context.parameters.get("decision") ?? ""))
  }
  router.get("trace") { request, _ in
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    return Response(
      document: try await host.trace(from: try request.time("from") ?? 0, to: try request.time("to") ?? now))
  }
}

extension Request {
  /// Seconds since 1970, with a fraction if need be, or RFC 3339; in milliseconds.
  fileprivate func time(_ name: String) throws -> Int64? {
    guard let text = uri.queryParameters[name[...]].map(String.init) else { return nil }
    if let seconds = Double(text), abs(seconds) < 1e11 { return Int64((seconds * 1000).rounded()) }
    if let time = TimeText.milliseconds(text) { return time }
    throw EngineError(
      .badRequest, "\(name)=\(text) is no time; write seconds since 1970, or 2026-11-21T10:00:00Z")
  }
}

extension PolicySummary {
  var json: JSON {
    let rate = isShadow && calls > 0 ? Double(disagreements) / Double(calls) : nil
    return [
      "entry": .string(entry), "path": .string(path), "hash": .string(hash), "state": .string(state),
      "calls": JSON(calls), "fallbacks": JSON(fallbacks), "last_error": JSON(lastError), "shadow": .bool(isShadow),
      "loaded_at": JSON(loadedAt.map(KernelView.text)), "file_problem": JSON(fileProblem),
      "p50_us": JSON(p50.map { $0.seconds * 1e6 }), "p99_us": JSON(p99.map { $0.seconds * 1e6 }),
      "disagreements": isShadow ? JSON(disagreements) : .null, "disagreement_rate": JSON(rate),
      "last_disagreement": JSON(lastDisagreement),
    ]
  }
}
