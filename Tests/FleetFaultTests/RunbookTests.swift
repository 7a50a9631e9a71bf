// Whoever is woken by an alert finds its runbook: every alert that ships has one in docs/operations.md.
import Foundation
import Testing

@Suite struct RunbookTests {
  private static let package: String = {
    var path = #filePath
    for _ in 0..<3 { path = (path as NSString).deletingLastPathComponent }
    return path
  }()

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(package)/\(path)", encoding: .utf8)
  }

  /// Words that follow a pattern in a text.
  private static func names(_ pattern: String, in text: String) throws -> [String] {
    let expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap {
      Range($0.range(at: 1), in: text).map { String(text[$0]) }
    }
  }

  private static func files(_ folder: String, _ suffixes: [String]) -> [String] {
    let names = FileManager.default.enumerator(atPath: "\(package)/\(folder)")?.compactMap { $0 as? String } ?? []
    return names.filter { name in suffixes.contains { name.hasSuffix($0) } }.map { "\(folder)/\($0)" }
  }

  @Test func everyAlertHasOne() throws {
    let runbooks = Set(try Self.names(#"^### (\w+)$"#, in: Self.text("docs/operations.md")))
    var alerts: Set<String> = []
    // The host's own.
    for file in Self.files("Sources", [".swift"]) {
      alerts.formUnion(try Self.names(#"AlertCondition\(\s*name: "(\w+)""#, in: Self.text(file)))
    }
    #expect(alerts.isSuperset(of: ["PoolBroken", "PolicyOut"]), "\(alerts)")
    let policy = try Self.names(#"check\(found, "(\w+)""#, in: Self.text("policies/thresholds.lua"))
    #expect(policy.count >= 6)
    alerts.formUnion(policy)
    for file in Self.files("deploy", [".yml", ".yaml"]) {
      alerts.formUnion(try Self.names(#"^\s*- alert: (\w+)"#, in: Self.text(file)))
    }
    #expect(alerts.subtracting(runbooks).isEmpty, "these alerts have no runbook in docs/operations.md")
  }
}
