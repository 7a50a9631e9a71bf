// Requests are held to their schemas: what a schema rules out is refused, and what it allows is not.
import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetServer

@Suite struct SchemaCheckTests {
  private static let parameters = APIDescription.operations.flatMap(\.parameters).map(\.schema)
  private static let bodies = APIDescription.operations.compactMap { $0.body?.schema }

  /// Every schema within a schema, references followed.
  private static func parts(of schema: JSON) -> [JSON] {
    if let name = schema["$ref"]?.string?.split(separator: "/").last {
      return APIDescription.requestSchema(String(name)).map(parts) ?? []
    }
    let members = ["properties"].flatMap { schema[$0]?.object.map { Array($0.values) } ?? [] }
    let others = ["additionalProperties", "propertyNames", "items"].compactMap { schema[$0] }
    return [schema] + (members + others + (schema["anyOf"]?.array ?? [])).filter { $0.object != nil }.flatMap(parts)
  }

  @Test func `nothing is said of requests that nobody checks`() {
    let known = SchemaCheck.keywords.union(SchemaCheck.annotations)
    for part in (Self.parameters + Self.bodies).flatMap(Self.parts) {
      #expect(Set(part.object?.keys.map { $0 } ?? []).subtracting(known) == [], "\(part.text())")
      // One that is no regular expression would trap.
      if part["pattern"] != nil { _ = SchemaCheck.problem("", part) }
    }
  }

  private func problem(_ name: String, _ body: JSON) throws -> String? {
    let schema = try #require(APIDescription.operations.first { $0.id == name }?.body?.schema)
    do throws(EngineError) { try SchemaCheck.check(body: body, schema) } catch { return error.message }
    return nil
  }

  @Test(
    arguments: [
      ["memory_limit": "512M"], ["memory_limit": "1.5 GiB"], ["memory": 1_048_576.0], ["file_size": "64k"],
      ["cpu": "50%"], ["cpu_limit": 0.5], ["nice": "-5"], ["processes": "64"], ["labels": ["team": "ä\u{1F3FB}"]],
      ["env_vars": ["a-b.c": "x\ny"]], ["name": "a-b"], ["language": nil, "labels": nil], [:],
    ] as [JSON]) func `what a kernel can have fits`(body: JSON) throws
  {
    #expect(try problem("spawnKernel", body) == nil)
  }

  static let mistakes: [(JSON, String)] = [
    (["labels": ["a\u{0}": "b"]], "'labels.a\u{0}' has a name that no member can have"),
    (["labels": ["a": "b\n"]], "'labels.a' does not fit: No control characters."),
    (["labels": ["a": .string(String(repeating: "x", count: 257))]], "'labels.a' is longer than 256 characters"),
    (["memory_limit": "half"], "'memory_limit' does not fit: Bytes, or a number with K, M, G or T such as \"512M"),
    (["memory_limit": 1], "'memory_limit' does not fit: Bytes"), (["nice": 20], "'nice' does not fit: From -20"),
    (["cpu": true], "'cpu' does not fit"), (["name": "1a"], "'name' does not fit: Unique; a letter"),
    (["name": "alice\n"], "'name' does not fit"), (["port": 0], "'port' is not from 1 to 65531"),
    (["port": 9555.5], "'port' must be integer, not a number"), (["memry": 1], "'memry' is unknown; known are b"),
    (["env_vars": ["A=B": "s3cret"]], "'env_vars.A=B' has a name"), (["env_vars": ["A": 1]], "'env_vars.A' must be"),
    ([], "the body must be object, not an array"),
  ]

  @Test(arguments: mistakes) func `what is wrong is named, and not told`(_ mistake: (body: JSON, message: String))
    throws
  {
    let message = try #require(try problem("spawnKernel", mistake.body))
    #expect(message.hasPrefix(mistake.message), "\(message)")
    #expect(!message.contains("s3cret"))
  }

  @Test func `a silence needs something to silence`() throws {
    #expect(try problem("silenceAlerts", ["duration_seconds": 60, "labels": ["a": "b"]]) == nil)
    #expect(try problem("silenceAlerts", ["duration_seconds": 60])?.contains("is missing") == true)
    #expect(try problem("silenceAlerts", ["duration_seconds": 60, "labels": [:]])?.contains("less than 1") == true)
    #expect(try problem("silenceAlerts", ["alert": "a"]) == "'duration_seconds' is missing")
  }

  private func takes(_ name: String, _ text: String, of operation: String) throws -> Bool {
    let found = APIDescription.operations.first { $0.id == operation }?.parameters.first { $0.name == name }
    let schema = try #require(found?.schema)
    do throws(EngineError) { try ParameterCheck.check(name, text, schema) } catch { return false }
    return true
  }

  @Test func `parameters are held to their schemas`() throws {
    for text in ["0", "1764234438.5", "1e3", "2026-11-21T10:00:00Z", "0026-01-28T00:23:12+18:55"] {
      #expect(try takes("since", text, of: "listDecisions"), "\(text)")
    }
    for text in ["", "nan", "inf", "0x10", "+5", " 5", "-1", "99999999999", "10000-01-01T00:00:00Z", "2026-11-21"] {
      #expect(try !takes("since", text, of: "listDecisions"), "\(text)")
    }
    for text in ["6h", "1m30s", "500ms", "2d", "86400s", "9000-01-01T00:00:00Z"] {
      #expect(try takes("since", text, of: "getHistory"), "\(text)")
    }
    for text in ["6", "0", "1"] { #expect(try takes("limit", text, of: "listDecisions"), "\(text)") }
    for text in ["6.5", "+6", "٣", "", "10001"] { #expect(try !takes("limit", text, of: "listDecisions"), "\(text)") }
    for text in ["1", "", "false"] { #expect(try takes("force", text, of: "stopKernel"), "\(text)") }
    #expect(try takes("label", "a=\u{1F3FB}=", of: "listKernels") && !takes("label", "=a", of: "listKernels"))
    #expect(try takes("Last-Event-ID", "", of: "followEvents") && !takes("Last-Event-ID", "7", of: "followEvents"))
    #expect(try !takes("pid", "0", of: "removeClient"))
  }

  /// Whatever fits the pattern of a length of time is one.
  @Test func `lengths of time that fit are read`() throws {
    for text in ["999999999s999999999s999999999s", "99999.999d99999.999d99999.999d", "0ms", "0.5h", "999999.999m"] {
      #expect(try takes("since", text, of: "getHistory"), "\(text)")
      #expect(throws: Never.self) { try DurationText.parse(text) }
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-11-21T10:00:00.123456Z", 1_795_255_200_123),
    ("2000-02-29t23:59:60.5z", 951_868_800_500), ("2024-01-01T00:00:00+01:30", 1_704_061_800_000),
    ("1969-12-31T23:59:59.9-00:00", -100), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
    ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
  ]) func `times are read`(text: String, milliseconds: Int64) {
    #expect(TimeText.milliseconds(text) == milliseconds)
  }

  /// By a second opinion, which has another calendar before 1583.
  @Test func `days are counted as Foundation counts them`() {
    for day in stride(from: Int64(-141_000), through: 2_932_000, by: 997) {
      let text = Date(timeIntervalSince1970: Double(day * 86_400)).formatted(.iso8601)
      #expect(TimeText.milliseconds(text) == day * 86_400_000, "\(text)")
    }
  }

  @Test(arguments: [
    "", "2026", "2026-11-21", "2026-11-21T10:00Z", "2026-11-21T10:00:00", "12026-11-21T10:00:00Z",
    "2026-02-29T10:00:00Z",
    "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:61Z", "2026-11-21T10:00:00.Z",
    "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00+0100", "2026-11-21 10:00:00Z", "2026-11-21T10:00:00Z ",
    "٢٠٢٦-11-21T10:00:00Z",
  ]) func `what is no time is none`(text: String) {
    #expect(TimeText.milliseconds(text) == nil)
  }
}
