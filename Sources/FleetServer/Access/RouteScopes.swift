// What each request needs.

enum RouteScopes {
  /// Open to everybody: what clients ask before they know a token, and what tells nothing of kernels. `/health` says
  /// less without a token.
  private static let open: Set<String> = ["/", "/tree", "/api", "/health", "/openapi.json"]

  /// About the whole host, and so about everybody's kernels; by method, where only some need it.
  private static let managed: [(path: String, methods: Set<String>?)] = [
    ("/shutdown", nil), ("/cleanup", nil), ("/registry", nil), ("/status", nil), ("/trace", nil), ("/decisions", nil),
    ("/policies", nil), ("/silences", ["POST", "DELETE", "PUT", "PATCH"]),
  ]

  /// - Parameter path: without its query.
  /// - Returns: nil if nobody needs a token.
  static func scope(_ method: String, _ path: String) -> Scope? {
    let isRead = method == "GET" || method == "HEAD" || method == "OPTIONS"
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if isRead, open.contains(path) { return nil }
    if path == "/kernels", method == "DELETE" { return .manage }
    for (prefix, methods) in managed where path == prefix || path.hasPrefix(prefix + "/") {
      if methods?.contains(method) ?? true { return .manage }
    }
    // A WebSocket begins with GET and runs code.
    if path.hasSuffix("/channels") { return .execute }
    return isRead ? .read : .execute
  }
}
