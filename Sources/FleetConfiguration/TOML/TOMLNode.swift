// What a TOML document holds, with the place of everything in its file, so that an error can point at it.

/// A place in a text file; line and column (in Unicode scalars) are counted from 1.
public struct SourcePosition: Sendable, Hashable {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// The same, for modules that have a `SourcePosition` of their own.
package typealias FilePosition = SourcePosition

/// A value of a TOML document.
public struct TOMLNode: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    case string(String)
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    /// Any of TOML's four kinds of dates and times, as written: nothing of ours is configured by a date.
    case dateTime(String)
    case array([TOMLNode])
    case table(TOMLTable)
  }

  public let content: Content
  /// Where its key stands; for an element of an array, where the element stands.
  public let position: SourcePosition

  public init(_ content: Content, at position: SourcePosition) {
    self.content = content
    self.position = position
  }

  /// What it is, in the words of the TOML specification, for "expected a string, found …".
  public var kind: String {
    switch content {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a float"
    case .boolean: "a boolean"
    case .dateTime: "a date or time"
    case .array: "an array"
    case .table: "a table"
    }
  }
}

/// A table of a TOML document; its keys stand in the order of the file.
public struct TOMLTable: Sendable, Hashable {
  public private(set) var keys: [String] = []
  private var nodes: [String: TOMLNode] = [:]

  public init() {}

  public subscript(key: String) -> TOMLNode? { nodes[key] }

  mutating func append(_ key: String, _ node: TOMLNode) {
    if nodes.updateValue(node, forKey: key) == nil { keys.append(key) }
  }
}

/// Why a text is no TOML, and where.
public struct TOMLError: Error, Hashable, CustomStringConvertible {
  public let message: String
  public let position: SourcePosition

  public var description: String { "line \(position.line), column \(position.column): \(message)" }
}
