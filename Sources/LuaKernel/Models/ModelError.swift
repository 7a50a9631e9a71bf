// What can go wrong between a script and a language model, in words for people.
import JSON

/// Why a model gave no answer; the description is what the script sees. It never holds a key.
struct ModelError: Error, CustomStringConvertible {
  var description: String
  /// Whether the same request may succeed a little later.
  var mayPass = false
  /// Seconds after which the server wants to be asked again.
  var retryAfter: Int64 = 0

  init(_ description: String, mayPass: Bool = false, retryAfter: Int64 = 0) {
    self.description = description
    self.mayPass = mayPass
    self.retryAfter = retryAfter
  }
}

extension ModelError {
  /// An answer whose status is not success.
  /// - Parameter body: whatever the server sent, without the key.
  init(status: Int, body: String, retryAfter: Int64, of service: ModelService, model: String) {
    let document = try? JSON(parsing: body)
    let detail = ModelError.detail(document, body)
    let says = detail.isEmpty ? "" : ": \(detail)"
    let server = service.place
    // Waiting does not fill an account.
    let isSpent = (document?["error"]?["code"] ?? document?["error"]?["type"]) == "insufficient_quota"
    switch status {
    case 401, 403:
      let key = service.keyVariable.map { "the key in \($0)" } ?? "a request without a key"
      self.init("\(server) refuses \(key) (\(status))\(says)")
    case 404: self.init("\(server) does not know the model \(model), or the endpoint is wrong (404)\(says)")
    case 429 where !isSpent:
      self.init("\(server) has had too many requests (429)\(says)", mayPass: true, retryAfter: retryAfter)
    case 408, 409, 425, 500...:
      self.init("\(server) failed (\(status))\(says)", mayPass: true, retryAfter: retryAfter)
    default: self.init("\(server) refused the request (\(status))\(says)")
    }
  }

  /// An error that comes inside a stream.
  init(inStream error: JSON, of service: ModelService) {
    let type = error["type"]?.string ?? ""
    let detail = error["message"]?.string ?? error.string ?? type
    let isTheirs = ["overloaded_error", "api_error", "rate_limit_error", "server_error"].contains(type)
    self.init("\(service.place) ended its answer with an error: \(detail)", mayPass: isTheirs)
  }

  /// The message of both APIs' error documents, or the beginning of another text.
  private static func detail(_ document: JSON?, _ body: String) -> String {
    let error = document?["error"]
    if let message = error?["message"]?.string ?? error?.string ?? document?["message"]?.string { return message }
    return beginning(of: body)
  }

  static func beginning(of text: String) -> String {
    text.prefix(300).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
