// How a kernel of one kind is started: a Jupyter kernelspec.
import JSON

public enum InterruptMode: String, Sendable, CaseIterable {
  case signal, message
}

/// A kernelspec, from a `kernel.json`, from fleet.toml, or built in.
public struct Kernelspec: Sendable, Hashable {
  public enum Source: Sendable, Hashable {
    case builtIn
    /// `[kernelspecs.NAME]` of fleet.toml.
    case configuration
    /// The directory with its `kernel.json` and logos.
    case directory(String)
  }

  public var name: String
  /// With placeholders; see `LaunchArguments`.
  public var argv: [String]
  public var environment: [String: String]
  public var displayName: String
  public var language: String
  public var interruptMode: InterruptMode
  /// An object; empty if the spec has none.
  public var metadata: JSON
  public var source: Source

  public init(
    name: String, argv: [String], environment: [String: String] = [:], displayName: String? = nil, language: String,
    interruptMode: InterruptMode = .signal, metadata: JSON = .object([:]), source: Source
  ) {
    self.name = name
    self.argv = argv
    self.environment = environment
    self.displayName = displayName ?? name
    self.language = language
    self.interruptMode = interruptMode
    self.metadata = metadata
    self.source = source
  }

  public var resourceDirectory: String? {
    if case .directory(let path) = source { path } else { nil }
  }

  /// Jupyter's rule for names.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { TOMLParser.isBare($0) || $0 == UInt8(ascii: ".") }
  }
}

extension Kernelspec {
  /// Reads `kernel.json` of a directory named like the kernelspec.
  init(directory: String) throws(ConfigurationError) {
    let file = directory + "/kernel.json"
    let document: JSON
    do {
      document = try JSON(parsing: try TextFile.read(file))
    } catch let error as JSONError {
      let position = SourcePosition(line: error.line, column: error.column)
      throw ConfigurationError(.syntax, error.message, file: file, at: position)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError(.unreadable, "\(error)", file: file)
    }
    func wrong(_ key: String, _ expected: String) -> ConfigurationError {
      ConfigurationError(.wrongType, "\"\(key)\" must be \(expected)", file: file)
    }
    guard document.object != nil else { throw ConfigurationError(.wrongType, "must hold an object", file: file) }
    let argv = document["argv"]?.array?.map(\.string) ?? []
    guard !argv.isEmpty, !argv.contains(nil) else { throw wrong("argv", "an array of strings, the program first") }
    guard let language = document["language"]?.string, !language.isEmpty else { throw wrong("language", "a string") }
    var environment: [String: String] = [:]
    for (name, value) in document["env"]?.object ?? [:] {
      guard let text = value.string else { throw wrong("env", "an object of strings") }
      environment[name] = text
    }
    let mode = document["interrupt_mode"]?.string ?? InterruptMode.signal.rawValue
    guard let interruptMode = InterruptMode(rawValue: mode) else {
      throw wrong("interrupt_mode", "\"signal\" or \"message\"")
    }
    let metadata = document["metadata"] ?? .object([:])
    self.init(
      name: FilePath.name(of: directory).lowercased(), argv: argv.compactMap { $0 }, environment: environment,
      displayName: document["display_name"]?.string, language: language, interruptMode: interruptMode,
      metadata: metadata.object == nil ? .object([:]) : metadata, source: .directory(directory))
  }
}
