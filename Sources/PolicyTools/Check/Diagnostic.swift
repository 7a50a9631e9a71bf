// What is wrong with a policy, and where.

import FleetConfiguration
import JSON

/// One finding about a file.
public struct Diagnostic: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable, CaseIterable {
    /// It does not work, or not always.
    case error
    /// It works, and is hardly what was meant.
    case warning
  }

  public let severity: Severity
  /// Such as `unknown-field`; for programs.
  public let code: String
  public let path: String
  /// From 1; 0 if it is about the whole file.
  public let line: Int
  /// From 1; 0 if it is about the whole line.
  public let column: Int
  /// What is wrong and what to do.
  public let message: String
  /// The program that said so, if it is not this one.
  public var tool: String?

  public init(
    _ severity: Severity, _ code: String, path: String, line: Int = 0, column: Int = 0, _ message: String,
    tool: String? = nil
  ) {
    self.severity = severity
    self.code = code
    self.path = path
    self.line = line
    self.column = column
    self.message = message
    self.tool = tool
  }

  /// `mine.lua:5:12: error: kernels have no field 'clents'; did you mean 'clients'?`
  public var text: String {
    let place = ([path] + [line, column].filter { $0 > 0 }.map(String.init)).joined(separator: ":")
    return "\(place): \(severity.rawValue): \(message)" + (tool.map { " [\($0)]" } ?? "")
  }

  public var json: JSON {
    .object([
      "path": .string(path), "line": .int(Int64(line)), "column": .int(Int64(column)), "code": .string(code),
      "severity": .string(severity.rawValue), "message": .string(message),
      "tool": tool.map(JSON.string) ?? .null,
    ])
  }
}

/// "; did you mean 'x'?", or what there is if nothing is near and it is not too much.
func advice(_ word: String, among names: [String], what: String = "there are") -> String {
  if let name = NearestName.of(word, among: names) { return "; did you mean '\(name)'?" }
  return names.isEmpty || names.count > 12 ? "" : "; \(what) \(names.joined(separator: ", "))"
}
