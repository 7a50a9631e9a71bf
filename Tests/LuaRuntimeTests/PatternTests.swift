// Our pattern matcher against Lua's own, on the same subjects.

import LuaRuntime
import Testing

@Suite struct PatternTests {
  static let subjects = [
    "", "a", "hello world", "  trim  ", "key = value", "[[x]] (a(b)c) %d", "THE (quick) fox", "aaa", "abcabc",
    "x=1, y=22",
    "2024-01-02T03:04", "a,b,,c", "\u{0}nul\u{0}", "über", "path/to/file.toml", "]-^%",
  ]
  static let patterns = [
    "", ".", ".*", ".-", ".+", "a*", "a+", "a-", "a?", "^a", "a$", "^$", "^%s*(.-)%s*$", "%w+", "(%w+)%s*=%s*(%w+)",
    "%b()",
    "%b[]", "%f[%w]%w+", "%f[%a]%a+%f[%A]", "[%a_][%w_]*", "[^,]*", "[^,]+", "[a-c]+", "[]]", "[^]]", "[%]%-]+",
    "[a%-z]",
    "()", "()a()", "(a)(b)%2%1", "(%a)%1", "((a)(b))", "%d%d%d%d%-%d%d", "%x+", "%u+", "%l+", "%p+", "%c", "%g+", "%S+",
    "%D+", ".-b", "$", "a$b", "%.", "%%d", "([^/]+)%.toml$", "^(.*)/([^/]*)$", "(.)(.)(.)", "\u{0}", "%z", "[%z]",
    "b*$", "-",
    "[a-]", "[+-]", "x?x?x?a", "(a*(.)%w(%s*))",
  ]
  static let broken = ["[", "[a", "[^", "%", "(", ")", "%b", "%bx", "%f", "%1", "(%1)", "[%", "(()", "a)"]

  static let source = """
    local subject, pattern = ...
    local results = {}
    local function add(...) for i = 1, select("#", ...) do results[#results + 1] = tostring((select(i, ...))) end end
    add(pcall(string.find, subject, pattern)) add(pcall(string.match, subject, pattern))
    add(pcall(string.find, subject, pattern, 3)) add(pcall(string.match, subject, pattern, -2))
    add(pcall(string.find, subject, pattern, 100)) add(pcall(string.find, subject, pattern, 1, true))
    add(pcall(string.gsub, subject, pattern, "<%0>")) add(pcall(string.gsub, subject, pattern, "%1", 2))
    add(pcall(string.gsub, subject, pattern, {a = "A", hello = false}))
    add(pcall(string.gsub, subject, pattern, function(...) if select("#", ...) > 1 then return (select(2, ...)) end end))
    add(pcall(function() for a, b in string.gmatch(subject, pattern) do add(a, b) end end))
    add(pcall(function() for a in string.gmatch(subject, pattern, 4) do add(a) end end))
    return results
    """

  @Test func agreesWithLua() throws {
    let full = try LuaState(.kernel), sandbox = try LuaState(.policy)
    let theirs = try full.load(Self.source, name: "test"), ours = try sandbox.load(Self.source, name: "test")
    for subject in Self.subjects {
      for pattern in Self.patterns {
        let arguments: [LuaValue] = [.text(subject), .text(pattern)]
        let expected = try full.call(theirs, arguments)
        let actual = try sandbox.call(ours, arguments)
        #expect(actual == expected, "'\(subject)' with '\(pattern)'")
      }
    }
  }

  @Test(arguments: broken)
  func brokenPatternsAreErrorsHereToo(_ pattern: String) throws {
    let full = try LuaState(.kernel), sandbox = try LuaState(.policy)
    for subject in ["abc", ""] {
      let source = "return (pcall(string.match, ..., '\(pattern)'))"
      #expect(try sandbox.run(source, [.text(subject)]) == full.run(source, [.text(subject)]))
    }
  }

  @Test func replacements() throws {
    let sandbox = try LuaState(.policy)
    #expect(try sandbox.run("return ('abc'):gsub('%w', '%0%0')") == ["aabbcc", 3])
    #expect(try sandbox.run("return ('hello world'):gsub('o', '0', 1)") == ["hell0 world", 1])
    #expect(try sandbox.run("return ('abc'):gsub('()', '%1')") == ["1a2b3c4", 4])
    #expect(try sandbox.run("return ('abc'):gsub('b', 7)") == ["a7c", 1])
    for source in [
      "('a'):gsub('a', '%2')", "('a'):gsub('a', '%')", "('a'):gsub('a', function() return {} end)",
      "('a'):gsub('a', {a = {}})",
    ] {
      #expect(sandbox.failure(of: "return \(source)") != nil)
    }
  }
}
