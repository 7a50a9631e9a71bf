// The TOML reader against the language's own rules; its verdicts were also compared with Python's tomllib by fuzzing.
import Testing

@testable import FleetConfiguration

struct TOMLTests {
  @Test func readsEveryKindOfValueWithItsPlace() throws {
    let table = try TOML.parse(
      """
      # a comment
      title = "é \\u00e9\\n" # behind
      raw = 'C:\\x'
      big = 1_000
      hex = 0xFF
      float = -1.5e3
      on = true
      day = 1979-05-27 07:32:00Z
      list = [1, 2.0,
        "three", # with a comment
      ]
      inner.dotted."key with blanks" = {a = 1, b.c = 2}

      [section.sub]
      x = 1
      [[array]]
      y = 1
      [[array]]
      y = 2
      text = \"""
      one \\
         two
      three\"""
      """)
    #expect(table["title"]?.content == .string("é é\n"))
    #expect(table["raw"]?.content == .string("C:\\x"))
    #expect(table["big"]?.content == .integer(1000))
    #expect(table["hex"]?.content == .integer(255))
    #expect(table["float"]?.content == .float(-1500))
    #expect(table["on"]?.content == .boolean(true))
    #expect(table["day"]?.content == .dateTime("1979-05-27 07:32:00Z"))
    #expect(table["title"]?.position == SourcePosition(line: 2, column: 1))
    guard case .array(let list) = table["list"]?.content else { return #expect(Bool(false), "no array") }
    #expect(list.map(\.content) == [.integer(1), .float(2), .string("three")])
    #expect(list[2].position == SourcePosition(line: 10, column: 3))
    guard case .array(let tables) = table["array"]?.content, case .table(let last) = tables[1].content else {
      return #expect(Bool(false), "no array of tables")
    }
    #expect(last["text"]?.content == .string("one two\nthree"))
    #expect(table.keys == ["title", "raw", "big", "hex", "float", "on", "day", "list", "inner", "section", "array"])
  }

  @Test(arguments: [
    ("a 1", "line 1, column 3: expected \"=\" after the key \"a\", found \"1\""),
    ("\na =", "line 2, column 4: expected a value, found the end of the file"),
    ("a = hello", "line 1, column 5: \"hello\" is no value; a text stands in quotes"),
    ("a = \"x", "line 1, column 7: expected \" to close the string, found the end of the file"),
    ("a = \"é\" x", "line 1, column 9: expected the end of the line, found \"x\""),
    (
      "a = \"\\q\"",
      "line 1, column 6: an unknown escape; a backslash itself is written \\\\, or put the text in single quotes"
    ),
    ("a = \"\\uD800\"", "line 1, column 6: \\u needs 4 hexadecimal digits of a Unicode scalar"),
    ("[a\n", "line 1, column 3: expected \"]\" to close the header, found the end of the line"),
    ("a = [1 2]", "line 1, column 8: expected \",\" or \"]\" in the array, found \"2\""),
    ("a = {b = 1", "line 1, column 11: expected \",\" or \"}\" in the inline table, found the end of the file"),
    ("a = 1\na = 2", "line 2, column 1: \"a\" is defined twice (first on line 1)"),
    ("[a]\n[a]", "line 2, column 2: \"a\" is defined twice (first on line 1)"),
    ("a = {b = 1}\na.c = 2", "line 2, column 1: \"a\", defined on line 1, cannot be added to"),
    ("a = 1\n[a.b]", "line 2, column 2: \"a\", defined on line 1, cannot be added to"),
    ("= 1", "line 1, column 1: expected a key, found \"=\""),
    ("a = 01", "line 1, column 5: \"01\" is no value; a text stands in quotes"),
    ("a = 99999999999999999999", "line 1, column 5: \"99999999999999999999\" is no value; a text stands in quotes"),
    ("a = 1\r", "line 1, column 6: a carriage return that ends no line"),
    ("a = \"\u{1}\"", "line 1, column 6: a control character in a string; write it as \\u00XX"),
    ("# \u{0}", "line 1, column 3: a control character in a comment"),
  ])
  func saysWhatIsWrongAndWhere(text: String, message: String) {
    #expect { try TOML.parse(text) } throws: { "\($0)" == message }
  }

  @Test func nestingIsBounded() {
    let deep = "a = " + String(repeating: "[", count: 100_000)
    #expect { try TOML.parse(deep) } throws: { "\($0)".hasSuffix("values nested more than 64 deep") }
    let long = Array(repeating: "a", count: 100_000).joined(separator: ".") + " = 1"
    #expect { try TOML.parse(long) } throws: { "\($0)".hasSuffix("a key of more than 64 parts") }
  }

  @Test func emptyFilesByteOrderMarksAndWindowsLineEndsAreFine() throws {
    #expect(try TOML.parse("").keys.isEmpty)
    #expect(try TOML.parse("\u{FEFF}a = 1\r\nb = 2\r\n").keys == ["a", "b"])
  }
}
