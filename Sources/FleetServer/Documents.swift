// Between HTTP and the host: bodies and queries in, documents and errors out.
import FleetEngine
import Foundation
import Hummingbird
import JSON
import NIOCore
import NIOHTTP1

extension Response {
  init(document: JSON, status: HTTPResponse.Status = .ok) {
    var bytes = document.encoded()
    bytes.append(UInt8(ascii: "\n"))
    self.init(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// - Parameter isForJupyter: Jupyter's clients show `message`, and some of them `reason`.
  init(_ error: EngineError, isForJupyter: Bool = false) {
    var document: JSON = ["error": .string(error.message), "code": .string(error.code.rawValue)]
    if isForJupyter {
      document["message"] = .string(error.message)
      document["reason"] = .string(error.code.status.reasonPhrase)
    }
    self.init(document: document, status: error.code.status)
    switch error.code {
    case .unauthorized: headers[.wwwAuthenticate] = "Bearer realm=\"fleet\""
    case .tooManyRequests: headers[.retryAfter] = "1"
    default: break
    }
  }
}

extension EngineError.Code {
  var status: HTTPResponse.Status {
    switch self {
    case .badRequest: .badRequest
    case .kernelNotFound, .configNotFound, .kernelspecNotFound, .decisionNotFound, .sessionNotFound, .silenceNotFound,
      .notFound:
      .notFound
    case .nameTaken, .wrongState: .conflict
    case .keyReused: .unprocessableContent
    case .methodNotAllowed: .methodNotAllowed
    case .unsupportedMediaType: .unsupportedMediaType
    case .refused, .limit, .forbidden: .forbidden
    case .unauthorized: .unauthorized
    case .tooManyRequests: .tooManyRequests
    case .tooLarge: .contentTooLarge
    case .timeout: .gatewayTimeout
    case .storage: .init(code: 507, reasonPhrase: "Insufficient Storage")
    case .shuttingDown: .serviceUnavailable
    case .startFailed, .internal: .internalServerError
    }
  }
}

extension Request {
  /// The largest body that is read, in bytes.
  private static var largestBody: Int { 1 << 20 }

  /// The body; an empty one is an empty object.
  func document() async throws -> JSON {
    var request = self
    let buffer = try await request.collectBody(upTo: Self.largestBody)
    if buffer.readableBytes == 0 { return [:] }
    do throws(JSONError) { return try JSON(parsing: buffer.readableBytesView) } catch {
      throw EngineError(
        .badRequest, "the body is no JSON: \(error.message) (line \(error.line), column \(error.column))")
    }
  }

  /// `?name`, `?name=1` or `?name=true`.
  func flag(_ name: String) throws -> Bool {
    switch uri.queryParameters[name[...]].map(String.init) {
    case nil, "0", "false": return false
    case "1", "true", "": return true
    case .some(let other): throw EngineError(.badRequest, "\(name)=\(other) is neither 1 nor 0")
    }
  }

  func count(_ name: String, default value: Int, most: Int) throws -> Int {
    guard let text = uri.queryParameters[name[...]] else { return value }
    guard let number = Int(text), (0...most).contains(number) else {
      throw EngineError(.badRequest, "\(name)=\(text) is no number from 0 to \(most)")
    }
    return number
  }

  /// How long a kernel may take over a shutdown request; 5 s unless told.
  func timeout() throws -> Duration {
    guard let text = uri.queryParameters["timeout"] else { return .seconds(5) }
    guard let seconds = Double(text), seconds >= 0, seconds <= 3600 else {
      throw EngineError(.badRequest, "timeout=\(text) is no number of seconds from 0 to 3600")
    }
    return .milliseconds(Int64(seconds * 1000))
  }
}

extension FleetContext {
  /// The kernel that the path names.
  var kernel: String {
    get throws {
      guard let name = parameters.get("kernel")?.removingPercentEncoding else {
        throw EngineError(.kernelNotFound, "Kernel not found")
      }
      return name
    }
  }
}

/// Turns whatever is thrown into a document with a code.
struct ErrorDocuments: RouterMiddleware {
  typealias Context = FleetContext

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as EngineError {
      var response = Response(error, for: request)
      if error.code == .methodNotAllowed {
        response.headers[.allow] = RouteIndex.list(RouteIndex.shared.methods(of: request.uri.path))
      }
      return response
    } catch let error as HTTPError where error.status == .notFound {
      return Response(
        EngineError(.notFound, "there is no \(request.method) \(request.uri.path.prefix(200)); see /openapi.json"),
        for: request)
    } catch is BrokenOff {
      // Nobody is there to read it.
      return Response(EngineError(.badRequest, "the connection ended in the middle of the request"), for: request)
    } catch is NIOTooManyBytesError {
      return Response(EngineError(.tooLarge, "the body is larger than 1 MiB"), for: request)
    } catch let error as HTTPError {
      return Response(
        EngineError(.badRequest, error.body ?? error.status.reasonPhrase), error.status, for: request)
    } catch {
      context.logger.error("\(request.method) \(request.uri.path): \(error)")
      return Response(EngineError(.internal, "\(error)"), for: request)
    }
  }
}

extension Response {
  fileprivate init(_ error: EngineError, _ status: HTTPResponse.Status? = nil, for request: Request) {
    self.init(error, isForJupyter: ["/api/", "/kernelspecs/"].contains { request.uri.path.hasPrefix($0) })
    if let status { self.status = status }
  }
}
