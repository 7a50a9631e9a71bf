// Representations, display, updates, tables, plots and progress as clients receive them.
import JSON
import JupyterProtocol
import LuaRuntime
import Testing

@testable import LuaKernel

@Suite struct RichOutputTests {
  @Test func valuesChooseTheirRepresentation() throws {
    try withKernel { _, client throws in
      _ = try client.show(
        "Money = {__jupyter = function(m) return {html = '<b>' .. m.n .. '</b>', text = m.n .. ' €'} end}")
      #expect(
        try client.show("setmetatable({n = 5}, Money)").results == ["text/html": "<b>5</b>", "text/plain": "5 €"])
      #expect(try client.value("setmetatable({}, {__jupyter = function() return 'plain' end})") == "plain")
      #expect(
        try client.show("setmetatable({}, {__jupyter = function() return {latex = '$x$'} end})").results
          == ["text/latex": "$x$", "text/plain": "<table>"])
      #expect(try client.show("setmetatable({}, {__jupyter = function() error('no') end})").error != nil)
      #expect(try client.show("setmetatable({}, {__jupyter = function() return 1 end})").error != nil)
      let wrong = try client.show("setmetatable({}, {__jupyter = function() return {html = print} end})")
      #expect(wrong.result == "<table>")
      #expect(wrong.stderr == "display: text/html must be a string, not function\n")
    }
  }

  @Test func recordsAreTables() throws {
    try withKernel { _, client throws in
      let shown = try client.show("{{name = 'a<b', n = 1}, {name = 'c'}}")
      let html = try #require(shown.results["text/html"]?.string)
      #expect(html.contains("<th></th><th>n</th><th>name</th>"))
      #expect(html.contains("<tr><th>1</th><td style=\"text-align:right\">1</td><td>a&lt;b</td></tr>"))
      #expect(html.contains("<tr><th>2</th><td></td><td>c</td></tr>"))
      #expect(shown.result == #"{ { n = 1, name = "a<b" }, { name = "c" } }"#)
      for plain in ["{{1, 2}, {3}}", "{{a = 1}, 2}", "{{}, {}}", "{setmetatable({a = 1}, {})}"] {
        #expect(try client.show(plain).results["text/html"] == nil, "\(plain)")
      }
      let long = try client.show("local t = {} for i = 1, 5000 do t[i] = {i = i, s = ('é'):rep(500)} end return t")
      #expect(long.results["text/html"]?.string?.hasSuffix("<p>4900 more rows</p>\n") == true)
      #expect(long.results.encoded().count < 400_000)
    }
  }

  @Test func displayShowsBundlesAndUpdatesThem() throws {
    try withKernel { _, client throws in
      let shown = try client.show(
        "h = display{html = '<i>', id = 'one', metadata = {a = 1}} h:update{text = 'two'} display(1, {2})")
      #expect(
        shown.displays == [
          Display(data: ["text/html": "<i>", "text/plain": "<text/html>"], metadata: ["a": 1], id: "one"),
          Display(data: ["text/plain": "two"], id: "one", isUpdate: true),
          Display(data: ["text/plain": "1"]), Display(data: ["text/plain": "{ 2 }"]),
        ])
      let handle = try client.show("display{text = 'x', id = true}")
      #expect(handle.result == nil)
      #expect(handle.displays.first?.id?.hasPrefix("display-1-") == true)
      let png = try client.show(#"display{png = '\x89PNG\r\n', json = {list = {1, 2.5}, ok = true}}"#).displays.first
      #expect(png?.data["image/png"] == "iVBORw0K")
      #expect(png?.data["application/json"] == ["list": [1, 2.5], "ok": true])
      #expect(try client.show("display{html = {}}").error != nil)
      #expect(
        try client.show("print(1) display{text = 'between'} print(2)").kinds.filter { $0 != "busy" }
          == ["input", "stream", "display", "stream", "idle"])
    }
  }

  @Test func outputIsCleared() throws {
    try withKernel { _, client throws in
      var clears: [KernelOutput] = []
      _ = try client.show("clear_output() print('x') clear_output(true)") {
        if case .clear = $0 { clears.append($0) }
      }
      #expect(clears == [.clear(waits: false), .clear(waits: true)])
    }
  }

  @Test func plotsAreSVG() throws {
    try withKernel { _, client throws in
      for code in [
        "plot{1, 4, 9}", "plot.line({{x = {1, 2}, y = {3, 5}, label = 'a&b'}, {y = {2, 2}}}, {title = 'T'})",
        "plot.bar{x = {'a', 'b'}, y = {3, -1}}", "plot.scatter{x = {1, 2, 3}, y = {3, 0/0, 1/0}}",
        "plot.histogram({1, 2, 2, 3, 3, 3}, {bins = 3})", "plot{}", "plot.bar{}", "plot.histogram{}", "plot{5}",
      ] {
        let shown = try client.show(code)
        #expect(shown.error == nil, "\(code)")
        let svg = try #require(shown.results["image/svg+xml"]?.string, "\(code)")
        #expect(svg.hasPrefix("<svg xmlns") && svg.hasSuffix("</svg>"), "\(code)")
        #expect(!svg.contains("nan") && !svg.contains("inf"), "\(svg)")
        #expect(shown.result?.hasPrefix("<plot: ") == true)
      }
      #expect(try client.show("plot{'a'}").error?.value == "plot: y[1] is a string, not a number")
      #expect(try client.show("plot(5)").error != nil)
      #expect(try client.show("plot.bar(5)").error != nil)
      let many = try client.show("local t = {} for i = 1, 1e6 do t[i] = i end return plot(t)")
      #expect(many.results.encoded().count < 200_000)
    }
  }

  @Test func progressUpdatesInPlace() throws {
    try withKernel { _, client throws in
      let shown = try client.show("local n = 0 for i in progress(1000, 'work') do n = n + i end print(n)")
      #expect(shown.stdout == "500500\n")
      #expect(shown.displays.count >= 2 && shown.displays.count < 100)
      #expect(shown.displays.first?.isUpdate == false)
      #expect(shown.displays.dropFirst().allSatisfy { $0.isUpdate && $0.id == shown.displays[0].id })
      let last = shown.displays.last?.data["text/plain"]?.string
      #expect(last?.hasPrefix("work [########################] 100%  1000/1000") == true)
      #expect(try client.show("for i, v in progress{'a', 'b'} do io.write(i, v) end").stdout == "1a2b")
      #expect(try client.show("local p = progress(3) p:step() p:set(3) p:finish('done')").displays.count >= 3)
      #expect(try client.show("for _ in progress(0) do error('none') end").error == nil)
      #expect(try client.show("progress('x')").error != nil)
    }
  }

  @Test func base64() {
    let text = Array("foobar".utf8)
    let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]
    for (count, code) in expected.enumerated() { #expect(MIMEBundle.base64(Array(text.prefix(count))) == code) }
  }
}
