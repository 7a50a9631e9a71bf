// The config that a kernel starts with: a TOML file such as configs/openai.toml.

/// A kernel's config, read strictly: an unknown key is an error, never ignored.
public struct KernelConfiguration: Sendable, Hashable {
  /// Where it was read from; the name in error messages.
  public var file: String
  /// `[kernel] language`; the host checks it against the kernelspecs of its machine.
  public var language: String?
  /// `[kernel] debug`.
  public var debug = false
  public var llm: LanguageModel?
  /// `[providers.<name>]` as llmspell writes them.
  public var providers: [String: Provider] = [:]
  /// `[logging] level`.
  public var logLevel = LogLevel.info
  public var limits = Limits()
  public var hardening = HardeningSettings()
  public var labels: [String: String] = [:]

  public init(file: String = "") { self.file = file }

  /// The model that scripts of this kernel talk to, `[llm]` or llmspell's default provider.
  public struct LanguageModel: Sendable, Hashable {
    public var provider: String
    public var model: String?
    /// The name of the variable that holds the key; never the key.
    public var apiKeyVariable: String?
    /// A base URL, for servers that are not the provider's own.
    public var endpoint: String?

    public init(
      provider: String, model: String? = nil, apiKeyVariable: String? = nil, endpoint: String? = nil
    ) {
      self.provider = provider
      self.model = model
      self.apiKeyVariable = apiKeyVariable
      self.endpoint = endpoint
    }
  }

  public enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, warning, error, critical
  }

  /// The variables of the client's environment that a kernel with this config needs, sorted.
  public var requiredVariables: [String] {
    let names = [llm?.apiKeyVariable] + providers.values.map { $0.enabled ? $0.apiKeyVariable : nil }
    return Set(names.compactMap { $0 }).sorted()
  }
}

extension KernelConfiguration {
  /// Reads a config; relative paths inside it are of no concern here, because it names none.
  public static func load(path: String) throws(ConfigurationError) -> KernelConfiguration {
    try parse(try TextFile.read(path), file: path)
  }

  /// - Parameter file: what error messages call it.
  public static func parse(_ text: String, file: String) throws(ConfigurationError) -> KernelConfiguration {
    var top = try TableReader(text: text, file: file)
    var configuration = KernelConfiguration(file: file)
    if var kernel = try top.table("kernel") {
      configuration.language = try kernel.name("language")
      configuration.debug = try kernel.bool("debug") ?? false
      try kernel.finish()
    }
    configuration.llm = try top.languageModel()
    if var logging = try top.table("logging") {
      configuration.logLevel = try logging.word("level", LogLevel.self) ?? .info
      try logging.finish()
    }
    configuration.limits = try top.limits()
    configuration.hardening = try top.hardening(isHost: false)
    if var labels = try top.table("labels") { configuration.labels = try labels.stringsByName() }
    let fallback = try top.providers(into: &configuration.providers)
    if configuration.llm == nil { configuration.llm = fallback }
    try top.finish()
    return configuration
  }
}

extension TableReader {
  /// A string that is not empty.
  mutating func name(_ key: String) throws(ConfigurationError) -> String? {
    guard let value = try string(key) else { return nil }
    guard !value.isEmpty else { throw badValue(key, "is empty; write a name or leave the key out") }
    return value
  }

  /// The name of an environment variable; a key put here by mistake is refused without being repeated.
  mutating func variableName(_ key: String) throws(ConfigurationError) -> String? {
    guard let name = try string(key) else { return nil }
    let isName = name.utf8.allSatisfy { TOMLParser.isBare($0) && $0 != UInt8(ascii: "-") }
    guard isName, let first = name.unicodeScalars.first, !("0"..."9").contains(first) else {
      throw badValue(key, "is the name of an environment variable, such as OPENAI_API_KEY, not a key itself")
    }
    return name
  }

  fileprivate mutating func languageModel() throws(ConfigurationError) -> KernelConfiguration.LanguageModel? {
    guard var reader = try table("llm") else { return nil }
    let provider = try reader.name("provider")
    let model = try reader.name("model")
    let variable = try reader.variableName("api_key_env")
    let endpoint = try reader.endpoint("endpoint")
    try reader.finish()
    guard let provider else {
      throw ConfigurationError(
        .badValue, "[llm] names no provider; write provider = \"openai\" or another", file: file, at: reader.position)
    }
    return .init(provider: provider, model: model, apiKeyVariable: variable, endpoint: endpoint)
  }

  mutating func endpoint(_ key: String) throws(ConfigurationError) -> String? {
    guard let url = try string(key) else { return nil }
    guard let scheme = ["http://", "https://"].first(where: url.hasPrefix), url.count > scheme.count,
      !url.contains(where: \.isWhitespace)
    else { throw badValue(key, "\"\(url)\" is no address; it begins with http:// or https://") }
    return url
  }
}
