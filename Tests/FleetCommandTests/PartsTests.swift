// Parts of the command line by themselves.
import JSON
import JupyterProtocol
import Testing

@testable import fleet

struct PartsTests {
  @Test func numbersForPeople() {
    #expect(Words.megabytes(3.14) == "3.1M" && Words.megabytes(512) == "512M" && Words.megabytes(1536) == "1.5G")
    #expect(Words.uptime(5.9) == "5s" && Words.uptime(3605) == "1h00m" && Words.uptime(90_000) == "1d01h")
    #expect(Words.percent(0) == "0.0%" && Words.percent(99.96) == "100.0%")
    #expect(Words.count(1, "kernel") == "1 kernel" && Words.count(2, "kernel") == "2 kernels")
  }

  @Test func courses() {
    #expect(Sparkline.text(of: [0, 1, 2, 3, 4, 5, 6, 7], width: 8) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.text(of: [0, 0, 8, 8], width: 2) == "▁█" && Sparkline.text(of: [], width: 5) == "")
    #expect(Sparkline.text(of: [100, 100.5, 100.2], width: 9) == "▁▁▁" && Sparkline.text(of: [0, 0], width: 1) == "▁")
  }

  @Test func aHistoryWithoutPointsSaysSo() {
    #expect(HistoryTable(["points": []]).text.hasPrefix("nothing was recorded of the fleet"))
    let points: JSON = [
      ["time": "a", "kernels": 1.0, "memory_mb": 10.0, "cpu_percent": 0.0, "connections": 0.0, "busy_percent": 0.0],
      ["time": "b", "kernels": 2.0, "memory_mb": 30.0, "cpu_percent": 50.0, "connections": 1.0, "busy_percent": 100.0],
    ]
    let lines = HistoryTable(["kernel": "kernel-1", "step_seconds": 60, "points": points]).text.split(separator: "\n")
    #expect(lines.count == 7 && lines[0] == "kernel-1, 2 points of 60 s from a to b")
    #expect(lines[3].split(separator: " ") == ["memory", "10.0M", "20.0M", "30.0M", "30.0M", "▁█"])
  }

  @Test func coloursAreTakenOutOfTracebacks() {
    #expect(Output.plain("\u{1B}[0;31mError\u{1B}[0m: x\u{1B}[1") == "Error: x")
    #expect(Output.plain("nothing") == "nothing")
  }

  @Test func pairs() throws {
    #expect(try KeyValue.parse("a=b=c").value == "b=c")
    #expect(try KeyValue.parse("a=").value == "")
    #expect(try KeyValue.parse("a").value == nil)
    #expect(throws: (any Error).self) { try KeyValue.parse("=a") }
    #expect(throws: (any Error).self) { try KeyValue.parse("a b=c") }
  }

  @Test(
    arguments: [
      ("x.lua", "", "lua"), ("x.py", "", "python"), ("a.b/x", "#!/usr/bin/env python3\n", "python"),
      ("x", "#!/usr/bin/lua5.4\n", "lua"), ("x", "#!/bin/sh\n", nil), ("x.txt", "print(1)", nil),
    ] as [(String, String, String?)])
  func theLanguageOfAScript(path: String, text: String, language: String?) {
    #expect(Script(path: path, text: text).language == language)
  }

  @Test func argumentsOfScripts() throws {
    let script = Script(path: "/s/x", text: "#!x\nprint(1)")
    let arguments = ["a\"b\\", "é\n"]
    let native = try script.executions(kernelspec: "lua", language: "lua", arguments: arguments)
    #expect(native.map(\.code) == ["#!x\nprint(1)"])
    #expect(native[0].metadata == ["fleet": ["script": "/s/x", "args": ["a\"b\\", "é\n"]]])
    let other = try script.executions(kernelspec: "ilua", language: "lua", arguments: arguments)
    #expect(other.map(\.code) == [#"arg = {[0] = "/s/x", "a\"b\\", "\195\169\010"}"#, "--#!x\nprint(1)"])
    let python = try script.executions(kernelspec: "python3", language: "python", arguments: arguments)
    #expect(python[0].code == #"import sys; sys.argv = ["/s/x", "a\"b\\", "\U000000e9\U0000000a"]"#)
    #expect(python[0].silent && !python[1].silent)
    #expect(throws: CommandFailure.self) {
      try script.executions(kernelspec: "ir", language: "r", arguments: arguments)
    }
    #expect(try script.executions(kernelspec: "ir", language: "r", arguments: []).count == 1)
  }

  @Test func outputsAreCollectedAsInNotebooks() {
    var collector = OutputCollector()
    collector.add(.stream(name: "stdout", text: "a"))
    collector.add(.stream(name: "stdout", text: "b"))
    collector.add(.stream(name: "stderr", text: "c"))
    collector.add(.status("idle"))
    collector.add(.result(data: ["text/plain": "1"], metadata: [:], count: 3))
    let expected: [JSON] = [
      ["output_type": "stream", "name": "stdout", "text": "ab"],
      ["output_type": "stream", "name": "stderr", "text": "c"],
      ["output_type": "execute_result", "data": ["text/plain": "1"], "metadata": [:], "execution_count": 3],
    ]
    #expect(collector.outputs == expected)
  }

  @Test func tablesAlign() {
    var table = Table([.left("A"), .right("B"), .left("C")])
    table.add(["x", "1", "yy"])
    table.add(["long", "22", "z"])
    #expect(table.text == "A      B  C\nx      1  yy\nlong  22  z\n")
  }
}
