// is_complete, complete, inspect, history and the rest that needs no execution.
import JSON
import JupyterProtocol
import Testing

@Suite struct CodeQuestionTests {
  @Test func completeness() throws {
    try withKernel { _, client in
      let limit = Duration.seconds(30)
      let whole = try client.isComplete("x = 1", timeout: limit)
      #expect(whole == .complete)
      #expect(try client.isComplete("1 +", timeout: limit) == .incomplete(indent: "  "))
      #expect(try client.isComplete("for i = 1, 2 do", timeout: limit) == .incomplete(indent: "  "))
      #expect(try client.isComplete("x = [[", timeout: limit) == .incomplete(indent: ""))
      let nested = "function f() -- do\n  if x then\n    t = { 'do' }\n  else"
      #expect(try client.isComplete(nested, timeout: limit) == .incomplete(indent: "    "))
      #expect(try client.isComplete("x = = 1", timeout: limit) == .invalid)
    }
  }

  @Test func completions() throws {
    try withKernel { _, client in
      func matches(_ code: String) throws -> [JSON] {
        try client.complete(code, cursor: code.unicodeScalars.count, timeout: .seconds(30))["matches"]?.array ?? []
      }
      _ = try client.show("thing = {alpha = 1, beat = function() end}  thing_two = 2")
      #expect(try matches("print(thing.") == ["alpha", "beat"])
      #expect(try matches("thing:") == ["beat"])
      #expect(try matches("thing") == ["thing", "thing_two"])
      #expect(try matches("whi") == ["while"])
      #expect(try matches("nosuch.thing.") == [])
      let reply = try client.complete("é = string.for", cursor: 14, timeout: .seconds(30))
      #expect(reply["matches"] == ["format"])
      #expect(reply["cursor_start"] == 11)
      #expect(reply["cursor_end"] == 14)
    }
  }

  @Test func historySearch() throws {
    try withKernel { _, client in
      for code in ["a = 1", "b = 2", "a = 1"] { _ = try client.show(code) }
      func history(_ request: JSON) throws -> JSON? {
        try client.request("history_request", request, timeout: .seconds(30))["history"]
      }
      #expect(try history(["hist_access_type": "search", "pattern": "a*", "unique": true]) == [[1, 3, "a = 1"]])
      #expect(try history(["hist_access_type": "range", "session": 0, "start": 2, "stop": 3]) == [[1, 2, "b = 2"]])
      #expect(try history(["hist_access_type": "tail", "n": 1]) == [[1, 3, "a = 1"]])
    }
  }

  @Test func unknownRequestsAreAnswered() throws {
    try withKernel { _, client in
      let unknown = try client.request("nosuch_request", timeout: .seconds(30))
      #expect(unknown["status"] == "error")
      #expect(unknown["ename"] == "UnknownRequest")
      #expect(try client.request("debug_request", on: .control, timeout: .seconds(30))["status"] == "error")
      #expect(try client.request("comm_info_request", timeout: .seconds(30)) == ["status": "ok", "comms": [:]])
    }
  }
}
