// What the tools for authors of policies are given: a file, and where its text is.
import FleetConfiguration

/// A file of an author: a policy, its fixtures, a scenario.
public struct AuthorFile: Sendable, Hashable {
  public let path: String
  public let text: String

  /// The last component of the path; positions in messages begin with it.
  public var name: String { FilePath.name(of: path) }

  public init(path: String, text: String) {
    self.path = path
    self.text = text
  }
}

/// What an author is told: one sentence that says what happened, where, and what to do.
public struct ToolError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
