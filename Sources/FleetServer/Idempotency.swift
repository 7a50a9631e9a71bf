// Requests that a client may send twice, because it cannot know whether the first arrived: `Idempotency-Key`.
import Crypto
import FleetCore
import FleetEngine
import Foundation
import HTTPTypes
import Hummingbird
import JSON

/// What a request made, before it is written down.
struct Made {
  var status: HTTPResponse.Status
  var document: JSON
  /// Where it is from now on.
  var location: String?
}

/// Answers a request that makes something: at most once for each key, owner and path.
/// - Parameter work: gets the key, if there is one, to keep it with what is made.
/// - Throws: `badRequest` for a key that is none, `keyReused` if it came with another body.
func once(
  _ request: Request, _ context: FleetContext, _ host: FleetHost, body: JSON,
  _ work: (RequestKey?) async throws -> Made
) async throws -> Response {
  guard let key = try request.key(body, owner: context.identity.owner) else {
    let made = try await work(nil)
    var response = Response(document: made.document, status: made.status)
    response.headers[.location] = made.location
    return response
  }
  let (answer, isRepeated) = try await host.repeats.once(key) {
    let made = try await work(key)
    return RepeatedRequests.Answer(
      status: made.status.code, body: made.document.encoded() + [UInt8(ascii: "\n")], location: made.location)
  }
  var response = Response(
    status: .init(code: answer.status), headers: [.contentType: "application/json; charset=utf-8"],
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
  response.headers[.location] = answer.location
  if isRepeated, let name = HTTPField.Name("Idempotency-Replayed") { response.headers[name] = "true" }
  return response
}

extension Request {
  fileprivate func key(_ body: JSON, owner: String) throws(EngineError) -> RequestKey? {
    guard let name = HTTPField.Name("Idempotency-Key"), let text = headers[name] else { return nil }
    guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw EngineError(.badRequest, "an Idempotency-Key has 1 to 255 visible ASCII characters; a UUID is a good one")
    }
    let path = "\(method.rawValue) \(uri.path)"
    return RequestKey(
      key: Self.hash([owner, path, text]), body: Self.hash([body.text()]),
      at: Int64(Date().timeIntervalSince1970 * 1000))
  }

  /// Of parts that cannot run into each other.
  private static func hash(_ parts: [String]) -> String {
    var hash = SHA256()
    for part in parts {
      hash.update(data: Data("\(part.utf8.count):".utf8))
      hash.update(data: Data(part.utf8))
    }
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
