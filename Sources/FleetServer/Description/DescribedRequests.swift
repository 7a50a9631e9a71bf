// Holds requests to what openapi.json says of them: methods, parameters, media types and, where they are read, bodies.
import FleetEngine
import HTTPTypes
import Hummingbird
import JSON

/// Asked after access was checked, so that strangers learn nothing, and before any route.
struct DescribedRequests: RouterMiddleware {
  typealias Context = FleetContext

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    try Self.checkPath(of: request)
    let methods = RouteIndex.shared.methods(of: request.uri.path)
    if request.method == .options, !methods.isEmpty {
      return Response(status: .noContent, headers: [.allow: RouteIndex.list(methods)])
    }
    guard methods.isEmpty || methods.contains(request.method.rawValue) else {
      throw EngineError(
        .methodNotAllowed,
        "there is no \(request.method) \(request.uri.path.prefix(200)), but \(RouteIndex.list(methods))")
    }
    if let operation = RouteIndex.shared.operation(request.method.rawValue, context.endpointPath ?? "") {
      try Self.checkParameters(of: request, context, operation)
      try Self.checkType(of: request, operation)
    }
    return try await next(request, context)
  }

  /// Routers skip what is empty: `DELETE /kernels/$K` of a script that has no `K` would stop all kernels.
  private static func checkPath(of request: Request) throws(EngineError) {
    let path = request.uri.path
    var parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
    // Clients of Jupyter end addresses with a slash that they only read.
    let mayEnd = (request.method == .get || request.method == .head) && path.hasPrefix("/api/")
    if path == "/" || mayEnd, parts.last?.isEmpty == true { parts.removeLast() }
    guard parts.contains(where: \.isEmpty) else { return }
    throw EngineError(.notFound, "there is no \(path.prefix(200)): a part of the path is empty")
  }

  private static func checkParameters(
    of request: Request, _ context: FleetContext, _ operation: Operation
  ) throws(EngineError) {
    guard operation.tag != APIDescription.jupyterTag else { return }
    try checkQuery(of: request, operation)
    for parameter in operation.parameters {
      let text: String? =
        switch parameter.place {
        case .path: context.parameters.get(parameter.name)?.removingPercentEncoding
        case .header: HTTPField.Name(parameter.name).flatMap { request.headers[$0] }
        case .query: nil
        }
      if let text { try ParameterCheck.check(parameter.name, text, parameter.schema) }
    }
  }

  /// A parameter that is misspelt must not be silently left out.
  private static func checkQuery(of request: Request, _ operation: Operation) throws(EngineError) {
    guard let query = request.uri.query, !query.isEmpty else { return }
    var seen: [String: Int] = [:]
    for (key, value) in request.uri.queryParameters {
      let name = String(key).removingPercentEncoding ?? String(key)
      // Who asks is not part of what is asked.
      if name == "token" { continue }
      guard let known = operation.parameters.first(where: { $0.place == .query && $0.name == name }) else {
        let names = operation.parameters.filter { $0.place == .query }.map(\.name).sorted()
        let advice = names.isEmpty ? "it takes none" : "known are \(names.joined(separator: ", "))"
        throw EngineError(.badRequest, "unknown parameter '\(name.prefix(100))'; \(advice)")
      }
      seen[name, default: 0] += 1
      guard seen[name] == 1 || known.isRepeated else {
        throw EngineError(.badRequest, "'\(name)' stands there twice; once is enough")
      }
      guard seen[name, default: 0] <= Operation.Parameter.mostRepetitions else {
        throw EngineError(
          .badRequest, "'\(name)' stands there more than \(Operation.Parameter.mostRepetitions) times")
      }
      try ParameterCheck.check(name, String(value), known.schema)
    }
  }

  /// curl says that what it sends is a form, whatever it is; who says nothing sends JSON.
  private static func checkType(of request: Request, _ operation: Operation) throws(EngineError) {
    guard operation.body != nil, let type = request.headers[.contentType] else { return }
    let name = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
    let isJSON = name == "application/json" || (name.hasPrefix("application/") && name.hasSuffix("+json"))
    guard isJSON || name == "application/x-www-form-urlencoded" || name.isEmpty else {
      throw EngineError(.unsupportedMediaType, "the body is \(name.prefix(100)); send application/json")
    }
  }
}

extension Request {
  /// The body, as its reader understands it, who has the better words for what is wrong; and as it is described.
  func document<Wanted>(
    _ context: FleetContext, _ read: (JSON) throws -> Wanted
  ) async throws -> (body: JSON, wanted: Wanted) {
    let body = try await document()
    let wanted = try read(body)
    let operation = RouteIndex.shared.operation(method.rawValue, context.endpointPath ?? "")
    if let schema = operation?.body?.schema { try SchemaCheck.check(body: body, schema) }
    return (body, wanted)
  }
}

/// Finds operations by path and method.
struct RouteIndex: Sendable {
  static let shared = RouteIndex(APIDescription.operations)

  private let operations: [String: Operation]
  private let paths: [(parts: [Substring], methods: Set<String>)]

  init(_ all: [Operation]) {
    operations = Dictionary(all.map { ("\($0.method) \($0.path)", $0) }) { first, _ in first }
    paths = Dictionary(grouping: all, by: \.path).map { path, operations in
      let methods = Set(operations.map(\.method))
      // What is read can also be asked about, and everything can be asked what it is.
      let more: Set<String> = methods.contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"]
      return (path.split(separator: "/"), methods.union(more))
    }
  }

  static func list(_ methods: Set<String>) -> String { methods.sorted().joined(separator: ", ") }

  /// What a route is: HEAD is what GET is.
  func operation(_ method: String, _ endpoint: String) -> Operation? {
    let method = method == "HEAD" ? "GET" : method
    return operations["\(method) \(endpoint)"] ?? operations["\(method) /\(endpoint)"]
  }

  /// Of all operations that a path leads to; none if it leads to none. A parameter is any one part, and `**` the rest.
  func methods(of path: String) -> Set<String> {
    let parts = path.split(separator: "/")
    return paths.reduce(into: []) { methods, known in
      if Self.matches(known.parts, parts) { methods.formUnion(known.methods) }
    }
  }

  private static func matches(_ pattern: [Substring], _ parts: [Substring]) -> Bool {
    for (index, part) in pattern.enumerated() {
      if part == "{**}" { return true }
      guard index < parts.count, part.hasPrefix("{") || part == parts[index] else { return false }
    }
    return pattern.count == parts.count
  }
}
