// `fleet policy check`: everything that can be said of a policy without a fleet.

import FleetConfiguration
import PolicyHost

public enum PolicyCheck {
  /// Reads a policy, looks for mistakes, loads it in the sandbox and asks it about small fleets of its own.
  /// A file whose name ends in `.test.lua` is a test: it is read, and its names are checked.
  /// - Returns: in the order of the lines.
  public static func diagnostics(_ file: AuthorFile) -> [Diagnostic] {
    let chunk: LuaChunk
    do throws(LuaSyntaxError) { chunk = try LuaChunk(file) } catch {
      let position = error.position
      return [
        Diagnostic(
          .error, "syntax", path: file.path, line: position.line, column: position.column,
          error.message + hint(error.message))
      ]
    }
    let isTest = file.path.hasSuffix(".test.lua")
    var analyzer = PolicyAnalyzer(chunk, path: file.path, isTest: isTest)
    analyzer.analyze()
    var found = analyzer.diagnostics
    // What is certain to fail would be said twice.
    if !isTest, !found.contains(where: { $0.severity == .error && $0.code == "entry" }) {
      let known = Set(found.filter { $0.severity == .error }.map(\.line))
      found += PolicyTrial.diagnostics(file).filter { !known.contains($0.line) }
    }
    return found.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
  }

  /// What to do about a mistake of syntax that people often make.
  private static func hint(_ message: String) -> String {
    if message.hasPrefix("'then' expected near '='") { return "; to compare, write '=='" }
    if message.contains("near '!'") { return "; 'not equal' is written '~='" }
    if message.hasPrefix("syntax error near '+'") { return "; to add, write 'x = x + 1'" }
    if message.contains("'end' expected") && message.hasSuffix("<eof>") { return "; an 'end' is missing" }
    if message.hasPrefix("unexpected symbol near '}'") || message.hasPrefix("unexpected symbol near ')'") {
      return "; perhaps an 'end' is missing before it, or a value"
    }
    if message.hasPrefix("'}' expected") { return "; fields of a table are separated by commas" }
    if message.hasPrefix("syntax error") { return "; a statement is an assignment or a call" }
    return ""
  }
}
