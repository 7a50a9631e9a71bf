// All kernels that can be started on this machine.
import JSON

/// The kernelspecs of a machine; a broken one is reported and does not keep the others from being used.
public struct KernelspecCatalog: Sendable, Hashable {
  /// By name.
  public private(set) var specs: [String: Kernelspec] = [:]
  /// What could not be read.
  public private(set) var problems: [ConfigurationError] = []

  public init(_ specs: [Kernelspec] = [], problems: [ConfigurationError] = []) {
    for spec in specs where self.specs[spec.name] == nil { self.specs[spec.name] = spec }
    self.problems = problems
  }

  /// Looks for kernelspecs. A name of fleet.toml hides the built-in one, which hides installed ones; of two installed
  /// ones the one in the earlier directory counts.
  /// - Parameter luaKernel: the path of `fleet-kernel`; nil if it is not there.
  public static func discover(
    configuration: FleetConfiguration, luaKernel: String?, environment: [String: String]
  ) -> KernelspecCatalog {
    discover(
      configuration: configuration, luaKernel: luaKernel,
      directories: KernelspecSearch.dataDirectories(environment: environment))
  }

  static func discover(
    configuration: FleetConfiguration, luaKernel: String?, directories: [String]
  ) -> KernelspecCatalog {
    var specs = configuration.kernelspecs.sorted { $0.key < $1.key }.map(Kernelspec.init)
    var problems: [ConfigurationError] = []
    if let luaKernel { specs.append(.builtInLua(executable: luaKernel)) }
    for directory in directories.map({ $0 + "/kernels" }) {
      for name in FilePath.entries(of: directory) where Kernelspec.isName(name) {
        let path = "\(directory)/\(name)"
        guard TextFile.exists(path + "/kernel.json") else { continue }
        do { specs.append(try Kernelspec(directory: path)) } catch { problems.append(error) }
      }
    }
    return KernelspecCatalog(specs, problems: problems)
  }

  /// Sorted by name.
  public var all: [Kernelspec] { specs.values.sorted { $0.name < $1.name } }

  public var languages: [String] { Set(specs.values.map { $0.language.lowercased() }).sorted() }
}

extension KernelspecCatalog {
  /// - Throws: `notFound` with the nearest name, or all of them; `unavailable` if it cannot be read now.
  public func find(name: String) throws(ConfigurationError) -> Kernelspec {
    if let spec = specs[name] ?? specs[name.lowercased()] { return spec }
    let broken = problems.first { $0.file.map(FilePath.directory).map(FilePath.name) == name }
    if let broken, broken.code == .unavailable { throw broken }
    if let broken { throw ConfigurationError(.notFound, "the kernelspec \"\(name)\" is broken: \(broken)") }
    let hint = NearestName.hint(for: name, among: specs.keys.sorted(), what: "there are")
    throw ConfigurationError(.notFound, "there is no kernelspec \"\(name)\"\(hint)")
  }

  /// The kernelspec for a language: one named like it, else (for Python) `python3`, else the first by name.
  public func find(language: String) throws(ConfigurationError) -> Kernelspec {
    let language = language.lowercased()
    let wanted = Self.spoken[language] ?? [language]
    for candidate in wanted {
      let matching = all.filter { $0.language.lowercased() == candidate }
      if let spec = matching.first(where: { $0.name == candidate || $0.name == candidate + "3" }) ?? matching.first {
        return spec
      }
    }
    let hint = NearestName.hint(for: language, among: languages, what: "languages here")
    let advice = hint.hasSuffix("?") ? "" : "; install a kernelspec or add [kernelspecs.NAME] to fleet.toml"
    throw ConfigurationError(.notFound, "no kernel for the language \"\(language)\" is installed\(hint)\(advice)")
  }

  /// Languages that a kernel of another name also speaks, and the usual short names.
  private static let spoken: [String: [String]] = [
    "py": ["python"], "python3": ["python"], "js": ["javascript", "typescript"],
    "javascript": ["javascript", "typescript"], "ts": ["typescript"],
  ]
}

extension Kernelspec {
  fileprivate init(name: String, settings: FleetConfiguration.KernelspecSettings) {
    self.init(
      name: name, argv: settings.argv, environment: settings.environment, displayName: settings.displayName,
      language: settings.language, interruptMode: settings.interruptMode, source: .configuration)
  }

  /// The Lua kernel that ships with the program.
  public static func builtInLua(executable: String) -> Kernelspec {
    Kernelspec(
      name: "lua",
      argv: [
        executable, "start", "--port", "{port}", "--id", "{id}", "--connection-file", "{connection_file}", "--config",
        "{config}",
      ], displayName: "Lua 5.4 (Fleet)", language: "lua", interruptMode: .message, source: .builtIn)
  }
}
