// Completion and inspection as an editor asks for them, and history across restarts.
import Glibc
import JSON
import JupyterProtocol
import Testing

@testable import LuaKernel

@Suite struct CompletionTests {
  private func matches(_ client: KernelClient, _ code: String) throws -> [String] {
    let cursor = code.unicodeScalars.prefix { $0 != "|" }.count
    var text = code
    if let bar = code.firstIndex(of: "|") { text.remove(at: bar) }
    return try client.complete(text, cursor: cursor, timeout: .seconds(30))["matches"]?.array?.compactMap(\.string)
      ?? []
  }

  @Test func knowsLocalsMethodsAndKeywords() throws {
    try withKernel { _, client throws in
      _ = try client.show(
        "s = 'text'  Class = {} Class.__index = Class function Class:go() end obj = setmetatable({x = 1}, Class)")
      #expect(try matches(client, "s:for") == ["format"])
      #expect(
        try matches(client, "s:")
          == "byte char dump find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper".split(
            separator: " "
          ).map(String.init))
      #expect(try matches(client, "('x'):upp") == ["upper"])
      #expect(try matches(client, "obj.") == ["__index", "go", "x"])
      #expect(try matches(client, "obj:") == ["go"])
      #expect(try matches(client, "local counter, counts = 1\nfor i, cou in x do cou|") == ["counter", "counts"])
      #expect(try matches(client, "function f(first, fir2) fir|\nend local fir3") == ["fir2", "fir3", "first"])
      #expect(try matches(client, "local word = 'x'\nword:rep") == ["rep"])
      #expect(try matches(client, "local str = string\nstr.rep") == ["rep"])
      #expect(try matches(client, "x = s..typ") == ["type"])
      #expect(try matches(client, "retu") == ["return"])
      #expect(try matches(client, "-- typ") == [])
      #expect(try matches(client, "'typ") == [])
      #expect(try matches(client, "--[[ ' ]] typ") == ["type"])
      #expect(try matches(client, "nosuch.") == [])
      #expect(try matches(client, "f().") == [])
    }
  }

  @Test func knowsTypesAndModules() throws {
    try withTemporaryDirectory { directory in
      try write("return {}", to: directory + "/my_module.lua")
      try withKernel(in: directory) { _, client throws in
        let reply = try client.complete("prin", cursor: 4, timeout: .seconds(30))
        #expect(
          reply["metadata"]?["_jupyter_types_experimental"]
            == [["start": 0, "end": 4, "text": "print", "type": "function"]])
        _ = try client.show("package.path = '\(directory)/?.lua;' .. package.path")
        #expect(try matches(client, "local m = require 'my_") == ["my_module"])
        #expect(try matches(client, "require(\"fle") == ["fleet"])
      }
    }
  }

  @Test func survivesAnyText() throws {
    try withKernel { _, client throws in
      for text in [
        "[[", "--[==[", "\"\\", "'", ":", ".", "::", "a:b:c.", "\u{0}", "é.", "local ", "local function", "for ",
      ] {
        _ = try matches(client, text)
      }
      let long = String(repeating: "local x = { 'a', [[b]] } -- c\n", count: 3000)
      #expect(try matches(client, long + "prin") == ["print"])
    }
  }

  @Test func inspectionShowsSignatureCommentAndSource() throws {
    try withKernel { _, client throws in
      func inspect(_ code: String, level: Int = 0) throws -> String? {
        try client.request(
          "inspect_request",
          ["code": .string(code), "cursor_pos": JSON(code.unicodeScalars.count), "detail_level": JSON(level)],
          timeout: .seconds(30))["data"]?["text/plain"]?.string
      }
      _ = try client.show("--- Doubles a number.\n-- Twice.\nfunction double(x, ...)\n  return 2 * x\nend")
      #expect(
        try inspect("double")
          == "double(x, ...)\nDoubles a number.\nTwice.\ndefined in cell 1, line 3\n\nfunction double(x, ...)\n  return 2 * x\nend"
      )
      #expect(try inspect("string.format(")?.hasPrefix("string.format(formatstring, ···)\nLike C's printf") == true)
      #expect(try inspect("local s = 'x' s:rep(")?.hasPrefix("string.rep(s, n [, sep])") == true)
      #expect(try inspect("while")?.hasPrefix("while condition do") == true)
      #expect(try inspect("plot")?.hasPrefix("plot") == true)
      #expect(try inspect("math.pi")?.contains("3.14") == true)
      #expect(try inspect("state.get")?.hasPrefix("state.get(key [, default])") == true)
      _ = try client.show("t = {n = 1}")
      #expect(try inspect("t") == "t: table\n{ n = 1 }")
      #expect(try inspect("nosuch") == nil)
      #expect(try client.show("help('print')").content["payload"]?[0]?["source"] == "page")
      #expect(try client.show("help(print)").error != nil)
    }
  }

  @Test func everyLibraryFunctionIsDocumented() throws {
    try withKernel { _, client throws in
      let missing = try client.value(
        """
        local all = {}
        for _, l in ipairs{'_G', 'string', 'table', 'math', 'io', 'os', 'coroutine', 'utf8', 'state'} do
          for name, f in pairs(_G[l]) do
            if type(f) == 'function' then all[#all + 1] = (l == '_G' and '' or l .. '.') .. name end
          end
        end
        return table.concat(all, ' ')
        """)
      for name in try #require(missing).split(separator: " ").map(String.init) {
        let found = try client.request(
          "inspect_request", ["code": .string(name), "cursor_pos": JSON(name.count)], timeout: .seconds(30))
        #expect(found["data"]?["text/plain"]?.string?.contains("\n") == true, "\(name)")
      }
    }
  }

  @Test func historyOutlivesTheKernel() throws {
    try withTemporaryDirectory { directory in
      let state = directory + "/lasting.state.db"
      for session in 1...2 {
        let kernel = try KernelProcess(in: directory, ["--state-file", state])
        let client = try kernel.client()
        for code in ["a = \(session)", "a"] { _ = try client.show(code) }
        try client.shutdown(timeout: .seconds(30))
        #expect(try kernel.process.end() == 0)
      }
      let kernel = try KernelProcess(in: directory, ["--state-file", state])
      let client = try kernel.client()
      func history(_ request: JSON) throws -> JSON? {
        try client.request("history_request", request, timeout: .seconds(30))["history"]
      }
      #expect(try history(["hist_access_type": "tail", "n": 3]) == [[1, 2, "a"], [2, 1, "a = 2"], [2, 2, "a"]])
      _ = try client.show("b")
      #expect(
        try history(["hist_access_type": "tail", "n": 2, "output": true]) == [
          [2, 2, ["a", "2"]], [3, 1, ["b", "nil"]],
        ])
      #expect(try history(["hist_access_type": "range", "session": -1, "start": 1, "stop": 2]) == [[2, 1, "a = 2"]])
      #expect(
        try history(["hist_access_type": "range", "session": 1, "start": 1]) == [[1, 1, "a = 1"], [1, 2, "a"]])
      #expect(try history(["hist_access_type": "search", "pattern": "a*", "n": 1]) == [[2, 2, "a"]])
      #expect(access(directory + "/lasting.history", F_OK) == 0)
      kernel.process.signal(SIGKILL)
    }
  }

  @Test func aCutOrLargeHistoryFileIsMended() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/h"
      let line = #"{"session":"old","number":1,"input":"\#(String(repeating: "x", count: 1000))"}"# + "\n"
      try write(String(repeating: line, count: 5000) + #"{"session":"old","inp"#, to: path)
      var history = History(HistoryFile(path: path))
      history.append(1, "new", output: nil)
      #expect(contents(of: path).utf8.count < (2 << 20) + 2000)
      let again = History(HistoryFile(path: path)).reply(to: ["hist_access_type": "tail", "n": 1])
      #expect(again["history"] == [[2, 1, "new"]])
      #expect(history.reply(to: ["hist_access_type": "tail", "n": 1])["history"] == [[2, 1, "new"]])
    }
  }

  /// At a limit on the size of files the kernel would be killed, and killed again by its next one's first cell.
  @Test func aHistoryFileStaysBelowTheLimitOfFiles() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/h"
      for session in 1...3 {
        let file = HistoryFile(path: path, largest: 32 << 10)
        for number in 1...10 {
          let text = String(repeating: "x", count: 20_000)
          file.append(History.Entry(session: session, number: number, input: text, output: nil))
          #expect(contents(of: path).utf8.count <= 64 << 10)
        }
      }
      #expect(HistoryFile(path: path).earlier().count == 3)
    }
  }

  @Test func luaRocksOfTheUserAreFound() throws {
    try withTemporaryDirectory { directory in
      for part in [".luarocks", ".luarocks/share", ".luarocks/share/lua", ".luarocks/share/lua/5.4"] {
        mkdir("\(directory)/\(part)", 0o700)
      }
      try write("return 'rock'", to: directory + "/.luarocks/share/lua/5.4/myrock.lua")
      try withKernel(environment: ["HOME": directory]) { _, client throws in
        #expect(try client.value("(require 'myrock')") == "rock")
      }
      try withKernel(environment: ["HOME": directory, "LUA_PATH": "/elsewhere/?.lua"]) { _, client throws in
        #expect(try client.value("package.path") == "/elsewhere/?.lua")
      }
    }
  }
}
