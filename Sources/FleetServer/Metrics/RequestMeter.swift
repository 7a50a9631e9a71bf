// How many requests there are and how long they take, by route.
import FleetCore
import Hummingbird

/// Records each request of a router. It comes before whatever turns errors into answers, so that it sees what the client
/// sees. A stream counts until its first byte: how long somebody listens says nothing about the server.
struct RequestMeter<Context: RequestContext>: RouterMiddleware {
  let meters: HostMeters

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    func record(_ status: HTTPResponse.Status) {
      let passed = (ContinuousClock.now - start).components
      meters.httpRequest(
        route: context.endpointPath, method: request.method.rawValue, status: status.code,
        seconds: Double(passed.seconds) + Double(passed.attoseconds) / 1e18)
    }
    do {
      let response = try await next(request, context)
      record(response.status)
      return response
    } catch {
      record((error as? any HTTPResponseError)?.status ?? .internalServerError)
      throw error
    }
  }
}
