// One operation of the HTTP API, as openapi.json describes it and as requests are checked against it.
import FleetEngine
import JSON

struct Operation: Sendable {
  var method: String
  /// With parameters in braces: `/kernels/{kernel}`.
  var path: String
  /// Unique; what generated clients call it.
  var id: String
  var tag: String
  var summary: String
  var parameters: [Parameter] = []
  var body: Body?
  var answers: [Answer]
  /// Beside those that every operation has.
  var errors: [EngineError.Code] = []

  struct Parameter: Sendable {
    enum Place: String, Sendable { case path, query, header }

    var name: String
    var place: Place = .query
    var about: String
    var schema: JSON
    /// May come more than once, but not more often than a kernel can have labels.
    var isRepeated = false
    static let mostRepetitions = 64
    var isRequired = false
  }

  struct Body: Sendable {
    var schema: JSON
    var isRequired = false
    var example: JSON?
  }

  struct Answer: Sendable {
    var status: Int
    var about: String
    /// By media type; none: no body.
    var content: [(type: String, schema: JSON)] = []
    /// What it says beside the body, by name.
    var headers: [String: String] = [:]
  }

  init(
    _ method: String, _ path: String, _ id: String, _ tag: String, _ summary: String, _ parameters: [Parameter] = [],
    body: Body? = nil, answers: [Answer], errors: [EngineError.Code] = []
  ) {
    self.method = method
    self.path = path
    self.id = id
    self.tag = tag
    self.summary = summary
    self.parameters = parameters
    self.body = body
    self.answers = answers
    self.errors = errors
  }
}

extension Operation.Answer {
  static func json(_ schema: JSON, status: Int = 200, _ about: String) -> Self {
    Self(status: status, about: about, content: [("application/json", schema)])
  }

  static func none(_ status: Int = 204, _ about: String) -> Self { Self(status: status, about: about) }
}

extension Operation.Parameter {
  static let kernel = Self(
    name: "kernel", place: .path, about: "A kernel: its id, UUID, name or base port.",
    schema: Schema.text(most: 256, least: 1), isRequired: true)
  static let force = Self(name: "force", about: "Kill it at once.", schema: Schema.flag)
  static let timeout = Self(
    name: "timeout", about: "Seconds that a kernel may take to end when it is asked; 5 unless told.",
    schema: Schema.number(0...3600))
  static let idempotencyKey = Self(
    name: "Idempotency-Key", place: .header,
    about:
      "Names this request: one that comes again within 24 hours with the same key starts nothing and gets the same answer.",
    schema: ["type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"])

  static func limit(_ most: Int, least: Int = 1, default usual: Int?) -> Self {
    var schema = Schema.integer(least...most)
    if let usual { schema["default"] = JSON(usual) }
    return Self(name: "limit", about: "How many at most.", schema: schema)
  }

  static func text(_ name: String, _ about: String, most: Int = 256) -> Self {
    Self(name: name, about: about, schema: Schema.text(most: most))
  }
}

/// Pieces of JSON Schema (draft 2020-12), which OpenAPI 3.1 uses.
enum Schema {
  /// `?force` alone is what `?force=1` is.
  static let flag: JSON = ["enum": ["1", "0", "true", "false", ""], "type": "string"]
  static let time: JSON = ["type": "string", "format": "date-time"]
  static let count: JSON = ["type": "integer", "minimum": 0]
  static let anything: JSON = [:]

  static func ref(_ name: String) -> JSON { ["$ref": .string("#/components/schemas/\(name)")] }

  static let string: JSON = ["type": "string"]
  static let bool: JSON = ["type": "boolean"]
  static let number: JSON = ["type": "number"]
  static let integer: JSON = ["type": "integer"]

  static func text(most: Int, least: Int = 0) -> JSON {
    ["type": "string", "maxLength": JSON(most), "minLength": JSON(least)]
  }

  /// What is kept and shown on terminals. Null says nothing.
  static func plain(_ most: Int) -> JSON {
    var schema = plainText(most)
    schema["type"] = ["string", "null"]
    return schema
  }

  static func plainText(_ most: Int) -> JSON {
    [
      "type": "string", "maxLength": JSON(most), "pattern": "^[^\\u0000-\\u001f\\u007f]*$",
      "description": "No control characters.",
    ]
  }

  /// What an environment can hold. How much of it is up to the size of the body.
  static let variables: JSON = [
    "type": ["object", "null"], "description": "Variables of its environment.",
    "propertyNames": ["pattern": "^[^=\\u0000]+$"],
    "additionalProperties": ["type": "string", "pattern": "^[^\\u0000]*$"],
  ]

  static func integer(_ bounds: ClosedRange<Int>) -> JSON {
    ["type": "integer", "minimum": JSON(bounds.lowerBound), "maximum": JSON(bounds.upperBound)]
  }

  static func number(_ bounds: ClosedRange<Double>) -> JSON {
    ["type": "number", "minimum": .double(bounds.lowerBound), "maximum": .double(bounds.upperBound)]
  }

  static func one(of names: [String]) -> JSON { ["type": "string", "enum": .array(names.map(JSON.string))] }

  /// Some of the names, separated by commas.
  static func some(of names: [String]) -> JSON {
    let way = names.joined(separator: "|")
    return [
      "type": "string", "pattern": .string("^(\(way))(,(\(way)))*$"),
      "description": .string("there are \(names.joined(separator: ", "))"),
    ]
  }

  static func list(_ items: JSON) -> JSON { ["type": "array", "items": items] }

  static func map(_ values: JSON) -> JSON { ["type": "object", "additionalProperties": values] }

  /// Or null.
  static func maybe(_ schema: JSON) -> JSON {
    guard let type = schema["type"]?.string, schema["enum"] == nil else {
      return ["anyOf": [schema, ["type": "null"]]]
    }
    var schema = schema
    schema["type"] = [.string(type), "null"]
    return schema
  }

  /// An object with members that are always there, but for those named.
  static func object(_ members: [String: JSON], optional: Set<String> = [], about: String? = nil) -> JSON {
    var schema: JSON = [
      "type": "object", "properties": .object(members),
      "required": .array(members.keys.filter { !optional.contains($0) }.sorted().map(JSON.string)),
    ]
    if let about { schema["description"] = .string(about) }
    return schema
  }

  /// What a client sends: nothing need be there, and nothing else may.
  static func input(_ members: [String: JSON], required: [String] = []) -> JSON {
    [
      "type": "object", "properties": .object(members), "additionalProperties": false,
      "required": .array(required.map(JSON.string)),
    ]
  }
}
