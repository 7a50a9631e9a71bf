// What each route needs.
import HTTPTypes

enum RouteScopes {
  /// Open to everybody: what clients ask before they know a token, and what tells nothing of kernels. `/health` says
  /// less without a token.
  private static let open: Set<String> = ["/", "/tree", "/api", "/health", "/openapi.json"]

  /// About the whole host, and so about everybody's kernels.
  private static let managed = [
    "/shutdown", "/cleanup", "/registry", "/status", "/trace", "/decisions", "/policies",
  ]

  /// - Parameter route: the template of the route that was found, such as `/kernels/{kernel}`; nil if there is none.
  /// - Returns: nil if nobody needs a token.
  static func scope(_ method: HTTPRequest.Method, _ route: String?) -> Scope? {
    let isReading = method == .get || method == .head
    guard let route else { return .read }
    if isReading, open.contains(route) { return nil }
    if managed.contains(where: { route == $0 || route.hasPrefix($0 + "/") }) { return .manage }
    if route == "/kernels", method == .delete { return .manage }
    if route.hasPrefix("/silences"), !isReading { return .manage }
    // A WebSocket begins with GET and runs code; so does who knows a kernel's key.
    if route.hasSuffix("/channels") || route.hasSuffix("/connection") { return .execute }
    return isReading ? .read : .execute
  }
}
