// The middleware that every request passes first.
import FleetEngine
import HTTPTypes
import Hummingbird
import Synchronization

/// Says who asks, refuses who may not, and bounds how many requests of one identity run at a time.
struct Gate: RouterMiddleware {
  typealias Context = FleetContext

  let keeper: Gatekeeper
  let requests: RequestCount

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var context = context
    // By the route that was found, so that no spelling of a path leads past its scope.
    let scope = RouteScopes.scope(request.method, context.endpointPath)
    context.identity = try await keeper.check(RequestFacts(request), for: scope, on: context.channel)
    context.isControlSocket = context.identity == .local
    // The command line of the user whose host this is waits for nobody.
    if context.isControlSocket { return try await next(request, context) }
    let name = context.identity.name
    guard requests.begin(name) else {
      throw EngineError(.tooManyRequests, "\(requests.most) requests of '\(name)' are under way; wait for some of them")
    }
    let turn = Turn { requests.end(name) }
    var response = try await next(request, context)
    // A stream goes on after this; whatever else was made is on its way.
    guard response.body.contentLength == nil else { return response }
    let body = response.body
    response.body = ResponseBody { writer in
      defer { withExtendedLifetime(turn) {} }
      try await body.write(writer)
    }
    return response
  }
}

/// Ends when nobody needs it any more: a body that was written, or one that was dropped.
private final class Turn: Sendable {
  private let end: @Sendable () -> Void

  init(_ end: @escaping @Sendable () -> Void) { self.end = end }

  deinit { end() }
}

extension RequestFacts {
  init(_ request: Request) {
    self.init(
      uri: request.head.path ?? "/", host: request.head.authority, origin: request.headers[.origin],
      authorization: request.headers[.authorization])
  }
}

/// Requests under way, by identity. Bounded by the connections, each of which has one.
final class RequestCount: Sendable {
  let most: Int
  private let running = Mutex<[String: Int]>([:])

  init(most: Int) { self.most = most }

  func begin(_ name: String) -> Bool {
    running.withLock { running in
      guard running[name, default: 0] < most else { return false }
      running[name, default: 0] += 1
      return true
    }
  }

  func end(_ name: String) {
    running.withLock { running in
      guard let count = running[name] else { return }
      running[name] = count == 1 ? nil : count - 1
    }
  }
}
