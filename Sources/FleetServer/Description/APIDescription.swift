// The whole HTTP API as an OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.1.html
import FleetEngine
import HTTPTypes
import JSON

/// Written by hand, served at `/openapi.json`, and what requests are checked against. A test compares it with the routes.
enum APIDescription {
  static let operations: [Operation] = hostOperations + kernelOperations + metricsOperations + jupyterOperations

  static func document(version: String) -> JSON {
    var paths: [String: JSON] = [:]
    for operation in operations {
      var item = paths[operation.path] ?? [:]
      item[operation.method.lowercased()] = describe(operation)
      paths[operation.path] = item
    }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Fleet", "version": .string(version), "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
        "description": .string(introduction),
      ],
      "servers": [["url": "/"]], "tags": .array(tags), "paths": .object(paths),
      "components": [
        "schemas": .object(schemas),
        "securitySchemes": [
          "token": [
            "type": "http", "scheme": "bearer",
            "description": "`Authorization: Bearer T` or `token T`. Nothing is needed on the control socket.",
          ],
          "query": ["type": "apiKey", "in": "query", "name": "token", "description": "For clients without headers."],
        ],
      ],
    ]
  }

  private static let introduction = """
    Runs many isolated Jupyter kernels that clients share, as Lua policies decide. The same on TCP and on the control \
    socket. Every error is `{"error", "code"}`; a program goes by the code.
    """

  private static let tags: [JSON] = [
    ["name": "kernels", "description": "Start, find, use and stop kernels."],
    ["name": "host", "description": "The host itself."],
    ["name": "events", "description": "What happens."],
    ["name": "decisions", "description": "What policies decided, and why."],
    ["name": "policies", "description": "The Lua files that decide."],
    ["name": "pools", "description": "Kernels that are kept ready."],
    ["name": "alerts", "description": "What somebody should know of."],
    ["name": "metrics", "description": "What kernels use."],
    ["name": "jupyter", "description": "The kernel gateway API, for Jupyter's clients."],
  ]

  private static func describe(_ operation: Operation) -> JSON {
    var item: JSON = [
      "operationId": .string(operation.id), "tags": [.string(operation.tag)], "summary": .string(operation.summary),
      "responses": .object(answers(operation)), "security": security(operation),
    ]
    if let scope = operation.scope {
      item["description"] = .string("Needs the scope `\(scope.rawValue)`.")
      item["x-fleet-scope"] = .string(scope.rawValue)
    }
    if !operation.parameters.isEmpty { item["parameters"] = .array(operation.parameters.map(describe)) }
    if let body = operation.body {
      var content: JSON = ["schema": body.schema]
      if let example = body.example { content["example"] = example }
      item["requestBody"] = ["required": .bool(body.isRequired), "content": ["application/json": content]]
    }
    return item
  }

  /// Who needs no token may still send one.
  private static func security(_ operation: Operation) -> JSON {
    let ways: [JSON] = [["token": []], ["query": []]]
    return .array(operation.scope == nil ? ways + [[:]] : ways)
  }

  private static func describe(_ parameter: Operation.Parameter) -> JSON {
    var item: JSON = [
      "name": .string(parameter.name), "in": .string(parameter.place.rawValue), "description": .string(parameter.about),
      "schema": parameter.schema,
    ]
    if parameter.isRequired { item["required"] = true }
    if parameter.isRepeated {
      item["schema"] = [
        "type": "array", "items": parameter.schema, "maxItems": JSON(Operation.Parameter.mostRepetitions),
      ]
      item["style"] = "form"
      item["explode"] = true
    }
    return item
  }

  private static func answers(_ operation: Operation) -> [String: JSON] {
    var answers: [String: JSON] = [:]
    for answer in operation.answers {
      var item: JSON = ["description": .string(answer.about)]
      if !answer.content.isEmpty {
        item["content"] = .object(
          Dictionary(uniqueKeysWithValues: answer.content.map { ($0.type, ["schema": $0.schema]) }))
      }
      if !answer.headers.isEmpty {
        item["headers"] = .object(
          answer.headers.mapValues { ["description": .string($0), "schema": ["type": "string"]] })
      }
      answers["\(answer.status)"] = item
    }
    for (status, codes) in Dictionary(grouping: operation.allErrors, by: \.status.code) {
      let names = Set(codes.map(\.rawValue)).sorted()
      answers["\(status)"] = [
        "description": .string(names.map { "`\($0)`" }.joined(separator: ", ")),
        "content": [
          "application/json": [
            "schema": [
              "allOf": [
                Schema.ref("Error"),
                ["type": "object", "properties": ["code": ["enum": .array(names.map(JSON.string))]]],
              ]
            ]
          ]
        ],
      ]
    }
    return answers
  }
}

extension Operation {
  /// nil: anybody may.
  var scope: Scope? { HTTPRequest.Method(method).flatMap { RouteScopes.scope($0, path) } }

  fileprivate var allErrors: [EngineError.Code] {
    var codes: [EngineError.Code] = [.badRequest, .forbidden, .tooManyRequests, .shuttingDown, .internal] + errors
    if scope != nil { codes.append(.unauthorized) }
    if !parameters.filter({ $0.place == .path }).isEmpty { codes.append(.notFound) }
    if body != nil { codes += [.tooLarge, .unsupportedMediaType] }
    return codes
  }
}
