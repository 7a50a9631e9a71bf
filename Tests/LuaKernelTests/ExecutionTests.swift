// What clients see of executions: values, streams, errors, counts.
import Glibc
import JSON
import JupyterProtocol
import Testing

@Suite struct ExecutionTests {
  @Test func expressionsAndStatements() throws {
    try withKernel { _, client in
      let assignment = try client.show("x = 5")
      #expect(assignment.outcome == .ok)
      #expect(assignment.kinds == ["busy", "input", "idle"])
      #expect(try client.value("return x") == "5")
      #expect(try client.value("x") == "5")
      #expect(try client.value("return y") == "nil")
      #expect(try client.value("1, 'two', nil") == "1\ttwo\tnil")
      #expect(try client.value("local t = {} return #t") == "0")
      #expect(try client.show("-- nothing").result == nil)
      #expect(try client.show("").outcome == .ok)
    }
  }

  @Test func tablesAreReadable() throws {
    try withKernel { _, client in
      #expect(try client.value("{}") == "{}")
      #expect(
        try client.value(#"{1, "a\n", b = {c = true}, [2.5] = 3}"#) == #"{ 1, "a\n", [2.5] = 3, b = { c = true } }"#)
      #expect(try client.value("local t = {} t.t = t return t") == "{ t = <cycle> }")
      #expect(try client.value("setmetatable({}, {__tostring = function() return 'T!' end})") == "T!")
      let long = try #require(try client.value("local t = {} for i = 1, 1000 do t['key' .. i] = i end return t"))
      #expect(long.hasSuffix("… 800 more\n}"))
      #expect(try client.value("_G") != nil)
    }
  }

  @Test func streamsArriveInOrderAndBeforeTheEnd() throws {
    try withKernel { _, client in
      let shown = try client.show("io.write('a'); print('b', 2); io.stderr:write('c'); io.stdout:write('d')")
      #expect(shown.stdout == "ab\t2\nd")
      #expect(shown.stderr == "c")
      #expect(shown.kinds == ["busy", "input", "stream", "stream", "stream", "idle"])
      let endless = try client.show("print('now') while true do end") { output in
        // Only what is shown while the loop still runs can stop it.
        if output == .stream(name: "stdout", text: "now\n") { client.interruption.signal() }
      }
      #expect(endless.error?.name == "Interrupted")
    }
  }

  @Test func manyLinesAreNotLostAndBytesStayText() throws {
    try withKernel { _, client in
      let shown = try client.show("for i = 1, 100000 do print(i) end io.write('é', '\\xff')")
      #expect(shown.stdout == (1...100000).map { "\($0)\n" }.joined() + "é\u{FFFD}")
      // A character whose bytes are written one by one.
      #expect(try client.show(#"for c in ("→"):gmatch(".") do io.write(c) end"#).stdout == "→")
    }
  }

  @Test func countsAndSilence() throws {
    try withKernel { _, client in
      #expect(try client.show("1").count == 1)
      var request = ExecuteRequest("2")
      request.silent = true
      let silent = try client.show(request)
      #expect(silent.kinds == ["busy", "idle"])
      #expect(silent.count == 1)
      request.silent = false
      request.storeHistory = false
      #expect(try client.show(request).count == 1)
      #expect(try client.show("3").count == 2)
      let history = try client.request(
        "history_request", ["hist_access_type": "tail", "n": 10, "output": true, "raw": true], timeout: .seconds(30))
      #expect(history["history"] == [[1, 1, ["1", "1"]], [1, 2, ["3", "3"]]])
    }
  }

  @Test func userExpressions() throws {
    try withKernel { _, client in
      var request = ExecuteRequest("x = 2")
      request.userExpressions = ["good": "x * 2", "bad": "nosuch.field"]
      let values = try client.show(request).content["user_expressions"]
      #expect(values?["good"]?["data"]?["text/plain"] == "4")
      #expect(values?["bad"]?["status"] == "error")
    }
  }

  @Test func clientsShareEverything() throws {
    try withKernel { kernel, client in
      let other = try kernel.client()
      _ = try client.show("shared = {1, 2, 3}")
      #expect(try other.value("#shared") == "3")
    }
  }

  @Test func scriptsGetArgumentsPathAndName() throws {
    try withTemporaryDirectory { directory in
      try write("return {answer = 42}", to: directory + "/helper.lua")
      let kernel = try KernelProcess(in: directory)
      var request = ExecuteRequest(
        "#!/usr/bin/env lua\nprint(arg[0], arg[1], #arg, ...)\nprint(require('helper').answer)\nerror('end')")
      request.metadata = ["fleet": ["script": .string(directory + "/main.lua"), "args": ["one", "two"]]]
      let shown = try kernel.client().show(request)
      #expect(shown.stdout == "\(directory)/main.lua\tone\t2\tone\ttwo\n42\n")
      #expect(shown.error?.value == "\(directory)/main.lua:4: end")
      kernel.process.signal(SIGTERM)
    }
  }
}
