// Chat completions: https://platform.openai.com/docs/api-reference/chat
import JSON

enum OpenAIRequest {
  /// The document to POST.
  static func document(_ request: ModelRequest, for service: ModelService) -> JSON {
    var body: [String: JSON] = ["model": .string(request.model), "messages": .array(messages(request))]
    if request.streams {
      body["stream"] = true
      body["stream_options"] = ["include_usage": true]
    }
    if !request.tools.isEmpty { body["tools"] = .array(request.tools.map(tool)) }
    if let tokens = request.maximumTokens {
      body[service.isOpenAI ? "max_completion_tokens" : "max_tokens"] = JSON(tokens)
    }
    if let temperature = request.temperature { body["temperature"] = .double(temperature) }
    if let topP = request.topP { body["top_p"] = .double(topP) }
    if !request.stop.isEmpty { body["stop"] = .array(request.stop.map(JSON.string)) }
    if case .json(let schema) = request.format {
      body["response_format"] =
        schema.map { ["type": "json_schema", "json_schema": ["name": "answer", "schema": $0]] }
        ?? ["type": "json_object"]
    }
    return .object(body.merging(request.extra) { $1 })
  }

  private static func messages(_ request: ModelRequest) -> [JSON] {
    var list: [JSON] = []
    // The mode json_object is refused unless the word stands in a message.
    if case .json(nil) = request.format {
      list.append(["role": "system", "content": "Answer with one JSON value and nothing else."])
    }
    for message in request.messages {
      var entry: [String: JSON] = ["role": .string(message.role.rawValue), "content": message.content]
      if message.role == .tool {
        entry["tool_call_id"] = .string(message.callID)
        if message.isError, let text = message.content.string { entry["content"] = .string("error: \(text)") }
      }
      if !message.calls.isEmpty {
        if message.content == "" { entry["content"] = .null }
        entry["tool_calls"] = .array(
          message.calls.map { call -> JSON in
            let arguments = String(decoding: call.arguments.encoded(), as: UTF8.self)
            return [
              "id": .string(call.id), "type": "function",
              "function": ["name": .string(call.name), "arguments": .string(arguments)],
            ]
          })
      }
      list.append(.object(entry))
    }
    return list
  }

  private static func tool(_ tool: ModelRequest.Tool) -> JSON {
    var function: [String: JSON] = ["name": .string(tool.name), "parameters": tool.parameters]
    if let description = tool.description { function["description"] = .string(description) }
    return ["type": "function", "function": .object(function)]
  }
}

struct OpenAIAnswer: ModelAnswer {
  private(set) var reply = ModelReply()
  private(set) var isComplete = false
  let service: ModelService
  /// Tool calls by the index that their pieces carry.
  private var calls: [Int64: ModelReply.ToolCall] = [:]

  init(service: ModelService) { self.service = service }

  mutating func take(answer: JSON) throws(ModelError) {
    if let error = answer["error"], !error.isNull { throw ModelError(inStream: error, of: service) }
    guard let choice = answer["choices"]?[0], let message = choice["message"] else {
      throw ModelError("\(service.place) sent an answer without choices")
    }
    note(answer)
    reply.text = message["content"]?.string ?? message["refusal"]?.string ?? ""
    for call in message["tool_calls"]?.array ?? [] {
      reply.calls.append(
        .init(
          id: call["id"]?.string ?? "call_\(reply.calls.count + 1)", name: call["function"]?["name"]?.string ?? "",
          arguments: call["function"]?["arguments"]?.string ?? "{}"))
    }
    finish(choice["finish_reason"]?.string)
    isComplete = true
  }

  mutating func take(event: [UInt8]) throws(ModelError) -> String {
    if event.elementsEqual("[DONE]".utf8) {
      isComplete = true
      return ""
    }
    let document: JSON
    // What the parser says may hold a part of a key.
    do { document = try JSON(parsing: event) } catch {
      throw ModelError("\(service.place) sent an event that is no JSON")
    }
    if let error = document["error"], !error.isNull { throw ModelError(inStream: error, of: service) }
    note(document)
    guard let choice = document["choices"]?[0] else { return "" }
    let delta = choice["delta"]
    for (place, piece) in (delta?["tool_calls"]?.array ?? []).enumerated() { take(call: piece, place) }
    if let reason = choice["finish_reason"]?.string {
      reply.calls = calls.sorted { $0.key < $1.key }.map(\.value)
      finish(reason)
      isComplete = true  // some servers send no [DONE]; the usage may follow
    }
    let text = delta?["content"]?.string ?? delta?["refusal"]?.string ?? ""
    reply.text += text
    return text
  }

  private mutating func take(call piece: JSON, _ place: Int) {
    let index = piece["index"]?.int ?? Int64(place)
    var call = calls[index] ?? .init(id: "call_\(index + 1)", name: "", arguments: "")
    if let id = piece["id"]?.string, !id.isEmpty { call.id = id }
    call.name += piece["function"]?["name"]?.string ?? ""
    call.arguments += piece["function"]?["arguments"]?.string ?? ""
    calls[index] = call
  }

  private mutating func note(_ document: JSON) {
    if let model = document["model"]?.string { reply.model = model }
    if let usage = document["usage"], !usage.isNull {
      reply.inputTokens = usage["prompt_tokens"]?.int ?? reply.inputTokens
      reply.outputTokens = usage["completion_tokens"]?.int ?? reply.outputTokens
    }
  }

  private mutating func finish(_ reason: String?) {
    // Some servers say `stop` although they call a tool.
    reply.finish = reply.calls.isEmpty ? reason ?? "stop" : "tool_calls"
  }
}
