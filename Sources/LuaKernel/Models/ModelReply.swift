// What a model answered, in a form that knows no API.
import JSON

struct ModelReply: Sendable {
  struct ToolCall: Sendable, Hashable {
    var id: String
    var name: String
    /// JSON as the model wrote it, which may be none.
    var arguments: String
  }

  var text = ""
  var calls: [ToolCall] = []
  /// `stop`, `length`, `tool_calls`, `content_filter`, or what else the server says.
  var finish = ""
  var inputTokens: Int64 = 0
  var outputTokens: Int64 = 0
  /// As the server calls it.
  var model = ""
  /// Of format `json`.
  var document: JSON?
}

/// Reads one API's answers.
protocol ModelAnswer {
  /// What has come so far.
  var reply: ModelReply { get }
  /// Whether the answer has come to its end.
  var isComplete: Bool { get }
  /// Takes a whole answer.
  mutating func take(answer: JSON) throws(ModelError)
  /// Takes an event of a stream.
  /// - Returns: the text that it adds.
  mutating func take(event: [UInt8]) throws(ModelError) -> String
}

extension ModelReply {
  /// The text as JSON, checked by the schema that was asked for; models put a fence around it now and then.
  mutating func readDocument(schema: JSON?) throws(ModelError) {
    var body = text[...]
    body = body.drop(while: \.isWhitespace)
    if body.hasPrefix("```"), let end = body.firstIndex(of: "\n"), let fence = body.range(ofLast: "```"), fence > end {
      body = body[body.index(after: end)..<fence]
    }
    do {
      document = try JSON(parsing: String(body))
    } catch {
      if finish == "length" {
        throw ModelError("the answer was cut off before its JSON ended; allow it more max_tokens")
      }
      throw ModelError("the answer is no JSON (\(error.message)): \(text.prefix(200))")
    }
    if let schema, let problem = document?.mismatch(schema) {
      throw ModelError("the answer does not fit the schema: \(problem)")
    }
  }
}

extension Substring {
  /// Where the last occurrence of a text begins.
  fileprivate func range(ofLast text: String) -> Index? {
    indices.reversed().first { self[$0...].hasPrefix(text) }
  }
}

extension JSON {
  /// What of the schema this value does not fulfil; nil if it does. Knows `type`, `enum`, `properties`, `required`,
  /// `items` and `additionalProperties: false`, which is what models are asked for; other words demand nothing.
  func mismatch(_ schema: JSON, at place: String = "it") -> String? {
    if let wanted = schema["type"] {
      let types = wanted.array?.compactMap(\.string) ?? wanted.string.map { [$0] } ?? []
      if !types.isEmpty, !types.contains(where: hasType) {
        return "\(place) must be \(types.joined(separator: " or ")), not \(kind)"
      }
    }
    if let choices = schema["enum"]?.array, !choices.contains(self) {
      return "\(place) must be one of \(String(decoding: JSON.array(choices).encoded(), as: UTF8.self))"
    }
    for name in schema["required"]?.array?.compactMap(\.string) ?? [] where object != nil && self[name] == nil {
      return "\(place) has no \(name)"
    }
    let properties = schema["properties"]?.object ?? [:]
    for (name, value) in (object ?? [:]).sorted(by: { $0.key < $1.key }) {
      if let inner = properties[name] {
        if let problem = value.mismatch(inner, at: place == "it" ? name : "\(place).\(name)") { return problem }
      } else if schema["additionalProperties"] == false {
        return "\(place) has \(name), which the schema does not name"
      }
    }
    guard let items = schema["items"] else { return nil }
    for (index, element) in (array ?? []).enumerated() {
      if let problem = element.mismatch(items, at: "\(place)[\(index + 1)]") { return problem }
    }
    return nil
  }

  private func hasType(_ name: String) -> Bool {
    switch name {
    case "null": isNull
    case "boolean": bool != nil
    case "integer": int != nil
    case "number": double != nil
    case "string": string != nil
    case "array": array != nil
    case "object": object != nil
    default: true
    }
  }
}
