import JSON
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    #"{"a":1,"b":[true,false,null],"c":"x"}"#, #"[]"#, #"{}"#, #""é\n\"\\""#, "-9223372036854775808", "1.5",
    "\"\\u0000\"",
  ])
  func `what is written reads back as the same bytes`(text: String) throws {
    let value = try JSON(parsing: text)
    #expect(value.text() == text)
    #expect(try JSON(parsing: value.text(pretty: true)) == value)
  }

  @Test func `integers keep 64 bits, larger ones become doubles`() throws {
    #expect(try JSON(parsing: "9223372036854775807").int == .max)
    #expect(try JSON(parsing: "18446744073709551616").double == 18_446_744_073_709_551_616)
    #expect(try JSON(parsing: "[1, 99999999999999999999]")[0]?.int == 1)
  }

  @Test(arguments: ["", "{", "[1,]", "{\"a\":1} x", "\"\u{1}\"", "nul", "'a'", "{\"a\" 1}", "[\"\\ud800\"]"])
  func `what is no JSON is refused with its place`(text: String) {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
    #expect(error?.message.isEmpty == false)
    if !text.isEmpty { #expect(error?.line == 1) }
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22] as [UInt8]) }
  }

  @Test func `nesting is bounded`() {
    // Brackets in strings open nothing.
    let text = "\"" + String(repeating: #"\"[[{{\\"#, count: 100) + "\""
    func nested(_ levels: Int) -> String {
      "\n" + String(repeating: #"{"[":["#, count: levels / 2) + text + String(repeating: "]}", count: levels / 2)
    }
    for levels in [0, 2, 128] {
      #expect(throws: Never.self, "\(levels)") { try JSON(parsing: nested(levels)) }
    }
    let error = #expect(throws: JSONError.self) { try JSON(parsing: nested(130)) }
    #expect(error?.description == "invalid JSON at line 2, column 385: more than 128 levels deep")
    let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(throws: JSONError.self) { try JSON(parsing: deep) }
  }

  @Test func `keys are sorted and odd doubles are null`() {
    let value: JSON = ["b": 1, "a": [1.5, .double(.nan), .double(.infinity)]]
    #expect(value.text() == #"{"a":[1.5,null,null],"b":1}"#)
  }

  @Test func `members can be set in place`() {
    var value: JSON = ["a": 1]
    value["b"] = "x"
    value["a"] = nil
    #expect(value == ["b": "x"])
  }
}
