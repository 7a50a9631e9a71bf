// Fixtures stand beside policies: NAME.test.lua and NAME.test.toml test NAME.lua, and so does NAME.anything.test.toml.

import FleetConfiguration

/// A fixture file and the policy that it is about.
public struct FixtureFile: Sendable, Hashable {
  public enum Kind: String, Sendable, CaseIterable {
    case lua = ".test.lua"
    case toml = ".test.toml"
  }

  public let path: String
  public let kind: Kind
  /// By the fixture's name; it need not exist.
  public let policy: String

  /// Nil if this is not the name of a fixture.
  public init?(path: String) {
    guard let kind = Kind.allCases.first(where: { path.hasSuffix($0.rawValue) }) else { return nil }
    self.path = path
    self.kind = kind
    let stem = String(path.dropLast(kind.rawValue.count))
    guard !FilePath.name(of: stem).isEmpty else { return nil }
    policy = Self.policy(of: stem)
  }

  /// The longest beginning of the name, up to a dot, that is a policy's.
  private static func policy(of stem: String) -> String {
    var candidate = stem
    while !TextFile.exists(candidate + ".lua") {
      guard let dot = candidate.lastIndex(of: "."), candidate[dot...].contains("/") == false,
        dot != candidate.startIndex
      else { return stem + ".lua" }
      candidate = String(candidate[..<dot])
    }
    return candidate + ".lua"
  }
}

public enum FixtureSearch {
  /// What `fleet policy test` is to run, and the policies that are to be covered.
  public struct Found: Sendable, Hashable {
    public var fixtures: [FixtureFile] = []
    /// Policies that were named, or stand in a directory that was named; with or without fixtures.
    public var policies: [String] = []
  }

  /// - Parameters:
  ///   - look: finds a policy that is given by name; throws what the author is told.
  /// - Throws: `ToolError` if a path leads nowhere.
  public static func find(
    _ paths: [String], look: (String) throws(ConfigurationError) -> String
  ) throws(ToolError) -> Found {
    var found = Found()
    for path in paths.isEmpty ? defaults : paths {
      if FilePath.isDirectory(path) {
        found.add(directory: path)
      } else if TextFile.exists(path) {
        try found.add(file: path)
      } else {
        let policy: String
        do throws(ConfigurationError) { policy = try look(path) } catch { throw ToolError(error.description) }
        try found.add(file: policy)
      }
    }
    return found
  }

  private static var defaults: [String] {
    if !fixtures(in: ".").isEmpty { return ["."] }
    return FilePath.isDirectory("policies") ? ["policies"] : ["."]
  }

  /// Those of one policy.
  public static func fixtures(of policy: String) -> [FixtureFile] {
    fixtures(in: FilePath.directory(of: policy)).filter { FilePath.name(of: $0.policy) == FilePath.name(of: policy) }
  }

  fileprivate static func fixtures(in directory: String) -> [FixtureFile] {
    entries(directory).compactMap { FixtureFile(path: $0) }
  }

  fileprivate static func entries(_ directory: String) -> [String] {
    FilePath.entries(of: directory).map { directory == "." ? $0 : FilePath.resolve($0, against: directory) }
  }
}

extension FixtureSearch.Found {
  fileprivate mutating func add(directory: String) {
    fixtures += FixtureSearch.fixtures(in: directory).filter { !fixtures.contains($0) }
    for entry in FixtureSearch.entries(directory) where entry.hasSuffix(".lua") && FixtureFile(path: entry) == nil {
      if !policies.contains(entry) { policies.append(entry) }
    }
  }

  fileprivate mutating func add(file: String) throws(ToolError) {
    if let fixture = FixtureFile(path: file) {
      if !fixtures.contains(fixture) { fixtures.append(fixture) }
      if !policies.contains(fixture.policy) { policies.append(fixture.policy) }
    } else if file.hasSuffix(".lua") {
      fixtures += FixtureSearch.fixtures(of: file).filter { !fixtures.contains($0) }
      if !policies.contains(file) { policies.append(file) }
    } else {
      throw ToolError(
        "\(file) is neither a policy (.lua) nor a fixture (.test.lua, .test.toml) nor a directory of them")
    }
  }
}
