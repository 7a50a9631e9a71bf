// The examples of docs/lua-kernel.md: each Lua block with the text block below it.
import JSON
import JupyterProtocol
import Testing

@Suite struct HandbookTests {
  struct Example {
    let code: String
    let shown: String
  }

  /// The pairs of blocks in a section.
  static func examples(in section: String) throws -> [Example] {
    let text = contents(of: ModelServer.package + "/docs/lua-kernel.md")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0 == "## " + section })
    var examples: [Example] = []
    var code: String?
    var block: [Substring]?
    for line in lines[(start + 1)...] {
      if line.hasPrefix("## ") { break }
      if line == "```lua" || line == "```text" {
        block = []
      } else if line == "```", let body = block?.joined(separator: "\n") {
        if let known = code { examples.append(Example(code: known, shown: body)) }
        code = code == nil ? body : nil
        block = nil
      } else {
        block?.append(line)
      }
    }
    return examples
  }

  @Test(arguments: ModelServer.apis) func languageModels(_ api: String) throws {
    let examples = try Self.examples(in: "Language models")
    #expect(examples.count == 5)
    try withModel(api) { _, client, _ throws in
      for example in examples {
        let shown = try client.show(example.code)
        #expect(shown.stdout + (shown.result ?? "") == example.shown + (shown.result == nil ? "\n" : ""))
        #expect(shown.error == nil)
      }
    }
  }
}
