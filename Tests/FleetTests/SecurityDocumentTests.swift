// docs/security.md names the test that proves each of its claims: a name that no test has proves nothing.
import Foundation
import Testing

@Suite struct SecurityDocumentTests {
  @Test func everyTestThatTheDocumentNamesExists() throws {
    let names = try Self.named()
    #expect(names.count > 40)
    let sources = try Self.sources()
    for name in names {
      let plain = "func \(name)("
      let quoted = "func `\(name)`("
      #expect(sources.contains(plain) || sources.contains(quoted), "docs/security.md names \(name), which is no test")
    }
  }

  /// What stands in the last column of its tables.
  private static func named() throws -> [String] {
    let text = try String(contentsOfFile: Built.package + "/docs/security.md", encoding: .utf8)
    var names: [String] = []
    for line in text.split(separator: "\n") where line.hasPrefix("| ") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, cells[2] != "shown by" else { continue }
      let parts = cells[2].split(separator: "`", omittingEmptySubsequences: false)
      names += parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
    return names
  }

  private static func sources() throws -> String {
    let root = Built.package + "/Tests"
    let files = try #require(FileManager.default.enumerator(atPath: root))
    var text = ""
    for case let name as String in files where name.hasSuffix(".swift") {
      text += try String(contentsOfFile: root + "/" + name, encoding: .utf8)
    }
    return text
  }
}
