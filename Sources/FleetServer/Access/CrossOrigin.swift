// What browsers ask before a page of another site may read an answer: https://fetch.spec.whatwg.org/#http-cors-protocol
import HTTPTypes
import Hummingbird

/// Answers preflights, and names the page's site on answers, for the sites of `[host] allowed_origins` alone.
struct CrossOrigin: RouterMiddleware {
  typealias Context = FleetContext

  let keeper: Gatekeeper

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let origin = request.headers[.origin], keeper.allows(origin: origin) else {
      return try await next(request, context)
    }
    let isPreflight = request.method == .options && request.headers[.accessControlRequestMethod] != nil
    var response = isPreflight ? Self.preflight : try await next(request, context)
    response.headers[.accessControlAllowOrigin] = origin
    response.headers[.vary] = "Origin"
    return response
  }

  /// A browser sends no token with it. What it is about to ask for is checked when it asks.
  private static var preflight: Response {
    Response(
      status: .noContent,
      headers: [
        .accessControlAllowMethods: "GET, HEAD, POST, PUT, PATCH, DELETE",
        .accessControlAllowHeaders: "authorization, content-type, idempotency-key, last-event-id, x-xsrftoken",
        .accessControlMaxAge: "600",
      ])
  }
}

extension Gatekeeper {
  /// Whether pages of this site are welcome because the configuration says so.
  func allows(origin: String) -> Bool {
    guard case .tcp(_, _, let origins, _) = door else { return false }
    return Self.isListed(origin.lowercased(), in: origins)
  }
}
