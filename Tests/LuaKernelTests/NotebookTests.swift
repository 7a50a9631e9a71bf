// The notebooks under examples/ run from their first cell to their last.
import Glibc
import JSON
import JupyterProtocol
import Testing

@Suite struct NotebookTests {
  private static var notebook: String {
    var path = #filePath
    for _ in 0..<3 { path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
    return path + "/examples/lua-kernel.ipynb"
  }

  @Test func runsWithoutErrorsAndShowsSomething() throws {
    let document = try JSON(parsing: contents(of: Self.notebook))
    let cells = try #require(document["cells"]?.array).filter { $0["cell_type"] == "code" }
    #expect(cells.count >= 5)
    try withKernel { _, client throws in
      var kinds: Set<String> = []
      for cell in cells {
        let source = cell["source"]?.array?.compactMap(\.string).joined() ?? ""
        let shown = try client.show(source)
        #expect(shown.error == nil, "\(source)")
        #expect(shown.result != nil || !shown.displays.isEmpty, "\(source)")
        kinds.formUnion(shown.results.object?.keys.map { $0 } ?? [])
        kinds.formUnion(shown.displays.flatMap { $0.data.object?.keys.map { $0 } ?? [] })
      }
      #expect(kinds.isSuperset(of: ["text/html", "image/svg+xml", "text/markdown"]))
    }
  }
}
