// From the name of a config or policy to its file.

/// Looks up names as paths, then in the fleet directory, then among what ships with the program.
public struct Locator: Sendable, Hashable {
  public enum Kind: String, Sendable {
    case config, policy

    var folder: String { self == .config ? "configs" : "policies" }
    var suffix: String { self == .config ? ".toml" : ".lua" }
  }

  /// The fleet directory.
  public let fleetDirectory: String
  /// See `Installation.sharedDirectory`.
  public let sharedDirectory: String?

  public init(fleetDirectory: String, sharedDirectory: String? = Installation.current.sharedDirectory) {
    self.fleetDirectory = fleetDirectory
    self.sharedDirectory = sharedDirectory
  }

  /// The absolute path of the file that a name stands for, with or without its suffix.
  /// - Parameter base: where relative paths begin; nil is the working directory.
  /// - Throws: `notFound` with the places where it was looked for and the nearest name.
  public func find(_ name: String, _ kind: Kind, from base: String? = nil) throws(ConfigurationError) -> String {
    guard !name.isEmpty else { throw ConfigurationError(.notFound, "the name of a \(kind.rawValue) is empty") }
    let base = base ?? FilePath.workingDirectory()
    if let path = first(FilePath.resolve(name, against: base), kind) { return path }
    for folder in folders(kind) {
      guard let plain = plainName(name, kind) else { break }
      if let path = first("\(folder)/\(plain)", kind) { return path }
    }
    throw missing(name, kind, base: base)
  }

  /// A file that ships with the program.
  public func shipped(_ name: String, _ kind: Kind) -> String? {
    sharedDirectory.flatMap { first("\($0)/\(kind.folder)/\(name)", kind) }
  }

  /// All names that can be given without a path, for completions and lists.
  public func names(_ kind: Kind) -> [String] {
    var names: Set<String> = []
    for folder in folders(kind) {
      for entry in FilePath.entries(of: folder) where entry.hasSuffix(kind.suffix) && !entry.hasSuffix(".test.lua") {
        names.insert(String(entry.dropLast(kind.suffix.count)))
      }
    }
    return names.sorted()
  }

  private func folders(_ kind: Kind) -> [String] {
    [fleetDirectory, sharedDirectory].compactMap { $0 }.map { "\($0)/\(kind.folder)" }
  }

  /// "least_loaded" of "policies/least_loaded": names with other directories in them are only paths.
  private func plainName(_ name: String, _ kind: Kind) -> String? {
    let plain = name.hasPrefix(kind.folder + "/") ? String(name.dropFirst(kind.folder.count + 1)) : name
    return plain.contains("/") || plain.hasPrefix(".") ? nil : plain
  }

  private func first(_ path: String, _ kind: Kind) -> String? {
    [path, path + kind.suffix].first(where: TextFile.exists)
  }

  private func missing(_ name: String, _ kind: Kind, base: String) -> ConfigurationError {
    var places = [FilePath.resolve(name, against: base)]
    if plainName(name, kind) != nil { places += folders(kind) }
    var word = plainName(name, kind) ?? FilePath.name(of: name)
    if word.hasSuffix(kind.suffix) { word = String(word.dropLast(kind.suffix.count)) }
    let hint = NearestName.hint(for: word, among: names(kind), what: "there are")
    return ConfigurationError(
      .notFound, "there is no \(kind.rawValue) \"\(name)\"; looked for \(places.joined(separator: ", "))\(hint)")
  }
}
