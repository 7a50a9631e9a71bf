// Parts of `llm` that need no server.
import JSON
import Testing

@testable import LuaKernel

@Suite struct ModelPartsTests {
  @Test func readsEventsHoweverTheyAreCut() {
    let text = ": hello\r\nevent: a\r\ndata: one\r\n\r\ndata:two\ndata: three\n\nid: 7\n\rdata: four\r\rdata: cut"
    let bytes = Array(text.utf8)
    for size in 1...bytes.count {
      var stream = EventStream()
      var events: [String] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { part in
          events += stream.take(part).map { String(decoding: $0, as: UTF8.self) }
        }
      }
      #expect(events == ["one", "two\nthree", "four"], "in parts of \(size)")
      #expect(stream.isInside)
    }
  }

  @Test func coversASecretHoweverItIsCut() {
    let secret = "sk-abcabcabd"
    let text = "sk-abc sk-abcabcabd, sk-sk-abcabcabdsk-abcabcabd sk-abcabcab"
    let covered = "sk-abc [redacted], sk-[redacted][redacted] sk-abcabcab"
    for size in 1...text.count {
      var redaction = Redaction(secret)
      var out = ""
      for start in stride(from: 0, to: text.count, by: size) {
        out += redaction.take(String(text.dropFirst(start).prefix(size)))
      }
      #expect(out + redaction.finish() == covered, "in parts of \(size)")
    }
    #expect(Redaction("none").covering("none") == "none")
    #expect(Redaction(nil).covering("x") == "x")
  }

  @Test func checksSchemas() throws {
    let schema: JSON = [
      "type": "object", "required": ["a"], "additionalProperties": false,
      "properties": [
        "a": ["type": ["integer", "null"]], "b": ["enum": ["x", 1]],
        "c": ["type": "array", "items": ["type": "object", "properties": ["d": ["type": "boolean"]]]],
      ],
    ]
    for (text, problem) in [
      (#"{"a": 1, "b": "x", "c": [{"d": true}, {}]}"#, nil), (#"{"a": null}"#, nil), (#"{"a": 2.0}"#, nil),
      (#"[]"#, "it must be object, not an array"), (#"{}"#, "it has no a"),
      (#"{"a": 1.5}"#, "a must be integer or null, not a number"),
      (#"{"a": 1, "b": "y"}"#, #"b must be one of ["x",1]"#),
      (#"{"a": 1, "c": [{}, {"d": 1}]}"#, "c[2].d must be boolean, not a number"),
      (#"{"a": 1, "e": 1}"#, "it has e, which the schema does not name"),
    ] as [(String, String?)] {
      #expect(try JSON(parsing: text).mismatch(schema) == problem, "\(text)")
    }
  }

  @Test func findsTheAddressOfTheAPI() throws {
    for (provider, endpoint, url, place) in [
      ("openai", nil, "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
      ("anthropic", nil, "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
      ("ollama", nil, "http://127.0.0.1:11434/v1/chat/completions", "http://127.0.0.1:11434/v1"),
      ("ollama", "http://host:1/", "http://host:1/v1/chat/completions", "http://host:1/"),
      ("x", "https://u:p@h/api/v3/", "https://u:p@h/api/v3/chat/completions", "https://h/api/v3/"),
      ("anthropic", "http://h/v1/messages", "http://h/v1/messages", "http://h/v1/messages"),
    ] as [(String, String?, String, String)] {
      let service = try ModelService(.init(provider: provider, endpoint: endpoint), file: "c.toml")
      #expect(service.url == url)
      #expect(service.place == place)
    }
  }
}
