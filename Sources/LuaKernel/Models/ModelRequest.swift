// What a script asks of a model, in a form that knows no API.
import JSON

struct ModelRequest: Sendable {
  struct ToolCall: Sendable, Hashable {
    var id: String
    var name: String
    var arguments: JSON
  }

  enum Role: String, Sendable {
    case system, user, assistant, tool
  }

  struct Message: Sendable, Hashable {
    var role: Role
    /// A string, or a list of parts in the API's own form.
    var content: JSON
    /// Of an assistant's message.
    var calls: [ToolCall] = []
    /// Of a tool's message: what it answers, and whether the tool failed.
    var callID = ""
    var isError = false
  }

  struct Tool: Sendable, Hashable {
    var name: String
    var description: String?
    /// A JSON Schema of an object.
    var parameters: JSON
  }

  enum Format: Sendable, Hashable {
    case text
    /// JSON, perhaps by a schema.
    case json(schema: JSON?)
  }

  var model: String
  var messages: [Message] = []
  var tools: [Tool] = []
  var format = Format.text
  var streams = false
  var maximumTokens: Int?
  var temperature: Double?
  var topP: Double?
  var stop: [String] = []
  /// Members of the request's document that Fleet does not know.
  var extra: [String: JSON] = [:]
  var limits = Limits()

  /// How long to wait and how often to try again.
  struct Limits: Sendable, Hashable {
    var connect = Duration.seconds(10)
    /// Without a byte from the server.
    var idle = Duration.seconds(120)
    /// All attempts together.
    var total = Duration.seconds(600)
    var retries = 3
    /// Before the first retry; doubled for each one after it.
    var backoff = Duration.milliseconds(500)
    /// Whoever asks to wait for longer is not waited for.
    static let longestWait = Duration.seconds(60)
    static let largestAnswer = 16 << 20
  }

  /// Messages with their system messages taken out, joined into one text.
  var instructions: (system: String?, rest: [Message]) {
    let texts = messages.filter { $0.role == .system }.compactMap(\.content.string)
    return (texts.isEmpty ? nil : texts.joined(separator: "\n\n"), messages.filter { $0.role != .system })
  }
}

// MARK: From scripts

extension ModelRequest {
  private static let options: Set<String> = [
    "provider", "model", "messages", "tools", "format", "schema", "stream", "max_tokens", "temperature", "top_p",
    "stop",
    "extra", "timeout", "connect_timeout", "idle_timeout", "retries", "backoff",
  ]

  /// - Parameter options: the table of `llm.chat` without its functions.
  init(_ options: JSON, for service: ModelService) throws(ModelError) {
    let names = options.object ?? [:]
    if let unknown = names.keys.sorted().first(where: { !Self.options.contains($0) }) {
      let known = Self.options.union(["prompt", "system", "max_steps"]).sorted().joined(separator: ", ")
      throw ModelError("there is no option \(unknown); there are \(known)")
    }
    guard let model = options["model"]?.string ?? service.model else {
      throw ModelError("no model is named, neither by the kernel's config nor by model = \"…\"")
    }
    self.model = model
    for message in options["messages"]?.array ?? [] { messages.append(try Message(message)) }
    guard messages.contains(where: { $0.role != .system }) else {
      throw ModelError("there is nothing to answer: give messages = { { role = \"user\", content = \"…\" } }")
    }
    for tool in options["tools"]?.array ?? [] { tools.append(try Tool(tool)) }
    format = try Self.format(options)
    streams = options["stream"]?.bool ?? false
    maximumTokens = try Self.number(options, "max_tokens", 1...1e9).map { Int($0) } ?? service.maximumTokens
    temperature = try Self.number(options, "temperature", 0...2) ?? service.temperature
    topP = try Self.number(options, "top_p", 0...1)
    stop = options["stop"]?.array?.compactMap(\.string) ?? options["stop"]?.string.map { [$0] } ?? []
    extra = options["extra"]?.object ?? [:]
    limits = try Limits(options, for: service)
  }

  private static func format(_ options: JSON) throws(ModelError) -> Format {
    switch options["format"]?.string {
    case "json": return .json(schema: options["schema"])
    case nil where options["schema"] != nil: return .json(schema: options["schema"])
    case nil, "text": return .text
    case let other?: throw ModelError("format is \"text\" or \"json\", not \"\(other)\"")
    }
  }

  fileprivate static func number(
    _ options: JSON, _ name: String, _ range: ClosedRange<Double>
  ) throws(ModelError) -> Double? {
    guard let value = options[name] else { return nil }
    guard let number = value.double, range.contains(number) else {
      throw ModelError("\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}

extension ModelRequest.Limits {
  fileprivate init(_ options: JSON, for service: ModelService) throws(ModelError) {
    func seconds(_ name: String) throws(ModelError) -> Duration? {
      try ModelRequest.number(options, name, 0.001...86_400).map { .seconds($0) }
    }
    total = try seconds("timeout") ?? service.timeout ?? total
    connect = min(try seconds("connect_timeout") ?? connect, total)
    idle = try seconds("idle_timeout") ?? idle
    backoff = try seconds("backoff") ?? backoff
    retries = try ModelRequest.number(options, "retries", 0...100).map { Int($0) } ?? service.retries ?? retries
  }
}

extension ModelRequest.Message {
  fileprivate init(_ message: JSON) throws(ModelError) {
    guard let role = message["role"]?.string.flatMap(ModelRequest.Role.init) else {
      throw ModelError("the role of a message is system, user, assistant or tool")
    }
    self.role = role
    content = message["content"] ?? ""
    guard content.string != nil || content.array != nil else {
      throw ModelError("the content of a message is a string, or a list of parts, not \(content.kind)")
    }
    callID = message["tool_call_id"]?.string ?? ""
    isError = message["is_error"]?.bool ?? false
    for call in message["tool_calls"]?.array ?? [] {
      guard let name = call["name"]?.string, let id = call["id"]?.string else {
        throw ModelError("each of a message's tool_calls has a name and an id")
      }
      let arguments = call["arguments"] ?? [:]
      calls.append(.init(id: id, name: name, arguments: arguments == [] ? [:] : arguments))
    }
  }
}

extension ModelRequest.Tool {
  fileprivate init(_ tool: JSON) throws(ModelError) {
    let name = tool["name"]?.string ?? ""
    let isPlain = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isPlain, (1...64).contains(name.utf8.count) else {
      throw ModelError("a tool's name has letters, digits, _ and -, up to 64 of them, unlike \"\(name)\"")
    }
    self.name = name
    description = tool["description"]?.string
    parameters = ModelRequest.Tool.schema(tool["parameters"] ?? [:])
  }

  /// A schema as it is, or names with their types: `{ city = "string" }`, all of which must then be given.
  private static func schema(_ parameters: JSON) -> JSON {
    if parameters["type"] == "object" { return parameters }
    let properties = (parameters.object ?? [:]).mapValues { value -> JSON in
      value.string.map { ["type": .string($0)] } ?? value
    }
    return [
      "type": "object", "properties": .object(properties),
      "required": .array(properties.keys.sorted().map(JSON.string)),
    ]
  }
}
