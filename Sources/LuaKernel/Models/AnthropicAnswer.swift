// Messages: https://docs.anthropic.com/en/api/messages and …/messages-streaming
import JSON

enum AnthropicRequest {
  /// The API has no default.
  private static let maximumTokens = 4096
  /// JSON is asked for as the arguments of a tool with this name.
  static let answerTool = "answer"

  /// The document to POST.
  static func document(_ request: ModelRequest) -> JSON {
    let (system, rest) = request.instructions
    var body: [String: JSON] = [
      "model": .string(request.model), "messages": .array(messages(rest)),
      "max_tokens": JSON(request.maximumTokens ?? maximumTokens),
    ]
    if let system { body["system"] = .string(system) }
    if request.streams { body["stream"] = true }
    if let temperature = request.temperature { body["temperature"] = .double(temperature) }
    if let topP = request.topP { body["top_p"] = .double(topP) }
    if !request.stop.isEmpty { body["stop_sequences"] = .array(request.stop.map(JSON.string)) }
    var tools = request.tools.map(tool)
    if case .json(let schema) = request.format {
      tools.append([
        "name": .string(answerTool), "description": "Gives the final answer.",
        "input_schema": wrapped(schema ?? ["type": "object"]),
      ])
      body["tool_choice"] =
        request.tools.isEmpty ? ["type": "tool", "name": .string(answerTool)] : ["type": "any"]
    }
    if !tools.isEmpty { body["tools"] = .array(tools) }
    return .object(body.merging(request.extra) { $1 })
  }

  /// The arguments of a tool are an object; other JSON goes into one.
  static func wrapped(_ schema: JSON) -> JSON {
    if isObject(schema) { return schema }
    return ["type": "object", "properties": ["value": schema], "required": ["value"]]
  }

  static func isObject(_ schema: JSON) -> Bool { schema["type"] == "object" }

  private static func messages(_ list: [ModelRequest.Message]) -> [JSON] {
    var result: [JSON] = []
    var answers: [JSON] = []
    for message in list {
      // The answers to all calls of a message go into one.
      if message.role == .tool {
        answers.append([
          "type": "tool_result", "tool_use_id": .string(message.callID), "content": message.content,
          "is_error": .bool(message.isError),
        ])
        continue
      }
      if !answers.isEmpty { result.append(["role": "user", "content": .array(answers)]) }
      answers = []
      result.append(["role": .string(message.role.rawValue), "content": content(message)])
    }
    if !answers.isEmpty { result.append(["role": "user", "content": .array(answers)]) }
    return result
  }

  private static func content(_ message: ModelRequest.Message) -> JSON {
    guard !message.calls.isEmpty else { return message.content }
    var parts = message.content.array ?? []
    // Empty texts are refused.
    if let text = message.content.string, !text.isEmpty { parts.append(["type": "text", "text": .string(text)]) }
    for call in message.calls {
      parts.append(["type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": call.arguments])
    }
    return .array(parts)
  }

  private static func tool(_ tool: ModelRequest.Tool) -> JSON {
    var entry: [String: JSON] = ["name": .string(tool.name), "input_schema": tool.parameters]
    if let description = tool.description { entry["description"] = .string(description) }
    return .object(entry)
  }
}

struct AnthropicAnswer: ModelAnswer {
  private(set) var isComplete = false
  let service: ModelService
  let format: ModelRequest.Format
  private var text = ""
  private var calls: [Int64: ModelReply.ToolCall] = [:]
  private var facts = ModelReply()

  init(service: ModelService, format: ModelRequest.Format) {
    self.service = service
    self.format = format
  }

  var reply: ModelReply {
    var reply = facts
    reply.text = text
    reply.calls = calls.sorted { $0.key < $1.key }.map(\.value)
    // A final answer as a tool's arguments is a text for everybody else.
    if case .json(let schema) = format,
      let answer = reply.calls.first(where: { $0.name == AnthropicRequest.answerTool })
    {
      reply.calls = []
      reply.text = AnthropicAnswer.unwrapped(answer.arguments, schema)
      if reply.finish == "tool_calls" { reply.finish = "stop" }
    }
    return reply
  }

  private static func unwrapped(_ arguments: String, _ schema: JSON?) -> String {
    guard let schema, !AnthropicRequest.isObject(schema),
      let value = (try? JSON(parsing: arguments))?["value"]  // what is no JSON is said when it is read
    else { return arguments }
    return String(decoding: value.encoded(), as: UTF8.self)
  }

  mutating func take(answer: JSON) throws(ModelError) {
    if let error = answer["error"], !error.isNull { throw ModelError(inStream: error, of: service) }
    guard let blocks = answer["content"]?.array else {
      throw ModelError("\(service.place) sent an answer without content")
    }
    for (index, block) in blocks.enumerated() {
      begin(block, at: Int64(index))
      text += block["text"]?.string ?? ""
      if let input = block["input"] {
        calls[Int64(index)]?.arguments = String(decoding: input.encoded(), as: UTF8.self)
      }
    }
    note(answer)
    finish(answer["stop_reason"]?.string)
    isComplete = true
  }

  mutating func take(event: [UInt8]) throws(ModelError) -> String {
    let document: JSON
    // What the parser says may hold a part of a key.
    do { document = try JSON(parsing: event) } catch {
      throw ModelError("\(service.place) sent an event that is no JSON")
    }
    let index = document["index"]?.int ?? 0
    switch document["type"]?.string {
    case "message_start": note(document["message"] ?? [:])
    case "content_block_start":
      let block = document["content_block"] ?? [:]
      begin(block, at: index)
      return add(block["text"]?.string ?? "")
    case "content_block_delta":
      let piece = document["delta"]?["partial_json"]?.string ?? ""
      calls[index]?.arguments += piece
      if isAnswer(index) { return piece }
      return add(document["delta"]?["text"]?.string ?? "")
    case "message_delta":
      note(document)
      finish(document["delta"]?["stop_reason"]?.string)
    case "message_stop": isComplete = true
    case "error": throw ModelError(inStream: document["error"] ?? [:], of: service)
    default: break  // ping, content_block_stop, and what may come to be
    }
    return ""
  }

  /// Whether a block's arguments are what the script asked for, as they are.
  private func isAnswer(_ index: Int64) -> Bool {
    guard case .json(let schema) = format, schema.map(AnthropicRequest.isObject) ?? true else { return false }
    return calls[index]?.name == AnthropicRequest.answerTool
  }

  private mutating func begin(_ block: JSON, at index: Int64) {
    guard block["type"] == "tool_use" else { return }
    calls[index] = .init(id: block["id"]?.string ?? "", name: block["name"]?.string ?? "", arguments: "")
  }

  private mutating func add(_ piece: String) -> String {
    text += piece
    return piece
  }

  private mutating func note(_ document: JSON) {
    if let model = document["model"]?.string { facts.model = model }
    facts.inputTokens = document["usage"]?["input_tokens"]?.int ?? facts.inputTokens
    facts.outputTokens = document["usage"]?["output_tokens"]?.int ?? facts.outputTokens
  }

  private mutating func finish(_ reason: String?) {
    switch reason {
    case nil: break
    case "end_turn", "stop_sequence": facts.finish = "stop"
    case "max_tokens", "model_context_window_exceeded": facts.finish = "length"
    case "tool_use": facts.finish = "tool_calls"
    case "refusal": facts.finish = "content_filter"
    case let other?: facts.finish = other
    }
  }
}
