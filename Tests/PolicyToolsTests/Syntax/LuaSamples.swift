// Lua to read: the files of this repository, and samples of everything that the grammar has.

import Glibc

@testable import PolicyTools

enum LuaSamples {
  /// The root of the repository, seen from this file.
  static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

  /// All Lua files of the repository, definitions that editors read included.
  static func files() -> [AuthorFile] {
    ["policies", "examples", "Benchmarks", "configs", "docs", "Tests"].flatMap { paths(below: "\(root)/\($0)") }
      .sorted()
      .compactMap { path in contents(path).map { AuthorFile(path: path, text: $0) } }
  }

  private static func paths(below directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let path = "\(directory)/\(name)"
      if entry.pointee.d_type == UInt8(DT_DIR) { found += paths(below: path) }
      if name.hasSuffix(".lua") { found.append(path) }
    }
    return found
  }

  static func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  /// Accepted, each of them.
  static let valid = [
    "local a <const>, b <close> = 1, nil; local function f(...) return ..., a end",
    "goto done; do ::again:: local x = 1; if x then goto again end end ::done::",
    "for i = 1, 10, 2 do if i > 3 then break elseif i == 2 then goto continue else i = i ~ 1 end ::continue:: end",
    "for k, v in pairs({1, 2; n = 3, [4] = 5,}) do k = v end while true do break end",
    "repeat local x = f() until x == nil or x ~= x and not x",
    "function a.b.c:d(x, ...) self.x, y[1] = x, select('#', ...) end function a.b() end",
    "x = 7 // 2 ^ 2 ^ 3 .. 'a' .. \"b\" | 3 & ~5 << 2 >> 1 ~ -x % #t",
    "s = [==[ long ]] string\r\n]==] .. [[\n]] --[[ comment\n ]] --[==[ ]] ]==] -- end",
    "n = {0x1p4, 0xA.8p-1, 0x.1, 3., .5, 1e10, 1E+2, 0xffffffffffffffffff, 9223372036854775808, 0Xa}",
    "q = '\\65\\x41\\u{48}\\u{7FFFFFFF}\\z   \n  x\\\n\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"'",
    "f'x'.y[1]:z{1}'w'(2)[3].q = ...", "return", "return;", "return f(x), (g(y))", ";;; ::a:: ::b:: ;",
    "local t <const> = {}; t.x = 1; function t.f() end", "a.b['c'].d, e = 1; (f or g)(1):h()",
    "do local x; goto l1; ::l1:: ; ::l2:: end", "local x = function() return function(a, b, ...) end end",
    "if a then elseif b then elseif c then else end", "return a <= b, a >= b, a < b, a > b, a == b, a ~= b",
    "local function g() ::top:: goto top end local a = 1 a = a", "return - - -x, not not x, # # x, ~ ~x",
    "while a do if b then goto continue end local z = 1 z = z ::continue:: end", "return {f(), ..., (f())}",
    "\tlocal s\u{0C}=\u{0B}[[\r\nx\n\ry]]",
  ]

  /// Refused, each of them, with what is said.
  static let invalid: [(text: String, message: String)] = [
    ("if x en x = 1 end", "s.lua:1:6: 'then' expected near 'en'"),
    ("if x then\n  y = 1\n", "s.lua:3:1: 'end' expected (to close 'if' at line 1) near <eof>"),
    ("x = = 1", "s.lua:1:5: unexpected symbol near '='"), ("x", "s.lua:1:2: syntax error near <eof>"),
    ("f() = 1", "s.lua:1:5: syntax error near '='"), ("x = 'abc\n'", "s.lua:1:5: unfinished string near ''abc'"),
    ("x = [==[ abc ]]", "s.lua:1:16: unfinished long string (starting at line 1) near <eof>"),
    ("local é = 1", "s.lua:1:7: unexpected symbol near '<\\195>'"),
    ("-- é\nx = 'é' y", "s.lua:2:10: syntax error near <eof>"),
    ("x = 3x", "s.lua:1:5: malformed number near '3x'"), ("break", "s.lua:1:1: break outside a loop"),
    ("goto x", "s.lua:1:6: no visible label 'x' for goto"),
    ("do goto x; local a; ::x:: print(a) end", "s.lua:1:9: <goto x> jumps into the scope of local 'a'"),
    ("::a:: ::a::", "s.lua:1:9: label 'a' already defined on line 1"),
    ("local x <const> = 1; x = 2", "s.lua:1:22: attempt to assign to const variable 'x'"),
    ("local x <final> = 1", "s.lua:1:10: unknown attribute 'final'"),
    ("function f() return ... end", "s.lua:1:21: cannot use '...' outside a vararg function near '...'"),
    ("return 1 x = 2", "s.lua:1:10: 'end' expected near 'x'"), ("x = 1 2", "s.lua:1:7: unexpected symbol near '2'"),
    ("f(", "s.lua:1:3: unexpected symbol near <eof>"), ("x = {1, 2", "s.lua:1:10: '}' expected near <eof>"),
    ("x = '\\q'", "s.lua:1:6: invalid escape sequence '\\q'"),
    ("for x do end", "s.lua:1:7: '=' or 'in' expected near 'do'"),
    ("local function a.b() end", "s.lua:1:17: '(' expected near '.'"),
    ("#!/usr/bin/lua", "s.lua:1:1: unexpected symbol near '#'"),
  ]
}
