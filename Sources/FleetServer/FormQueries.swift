// Queries as forms, browsers and Python's requests write them: https://url.spec.whatwg.org/#application/x-www-form-urlencoded
import Hummingbird

/// Reads `+` in a query as a space, which Hummingbird does not; a plus sign is `%2B`.
struct FormQueries: RouterMiddleware {
  typealias Context = FleetContext

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let path = request.head.path, let query = path.firstIndex(of: "?"), path[query...].contains("+") else {
      return try await next(request, context)
    }
    var head = request.head
    head.path = String(path[..<query]) + String(path[query...]).replacing("+", with: "%20")
    return try await next(Request(head: head, body: request.body), context)
  }
}
