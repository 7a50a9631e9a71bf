// llmspell's `[providers]`, so that its users' configs work as they are.

extension KernelConfiguration {
  /// `[providers.<name>]`, with the keys that llmspell knows. What only llmspell uses is checked and kept in its file.
  public struct Provider: Sendable, Hashable {
    public var type: String
    public var enabled = true
    public var model: String?
    public var apiKeyVariable: String?
    /// Whether the file holds a key itself; its text is not kept, so that nothing can print it.
    public var hasKeyInFile = false
    public var endpoint: String?
    public var maximumTokens: Int?
    public var temperature: Double?
    public var timeout: Duration?
    public var maximumRetries: Int?
  }
}

extension TableReader {
  /// Reads `[providers]` and answers the model that its default (or only) provider stands for.
  mutating func providers(
    into providers: inout [String: KernelConfiguration.Provider]
  ) throws(ConfigurationError) -> KernelConfiguration.LanguageModel? {
    guard var reader = try table("providers") else { return nil }
    let chosen = try reader.name("default_provider")
    for name in reader.names where name != "default_provider" {
      guard var inner = try reader.table(name) else { continue }
      providers[name] = try inner.provider(named: name)
    }
    if let chosen, providers[chosen] == nil {
      let hint = NearestName.hint(for: chosen, among: providers.keys.sorted(), what: "there are")
      throw reader.badValue("default_provider", "there is no [providers.\(chosen)]\(hint)")
    }
    let enabled = providers.filter(\.value.enabled)
    guard let name = chosen ?? (enabled.count == 1 ? enabled.keys.first : nil), let provider = providers[name] else {
      return nil
    }
    return .init(
      provider: provider.type, model: provider.model, apiKeyVariable: provider.apiKeyVariable,
      endpoint: provider.endpoint)
  }

  private mutating func provider(named name: String) throws(ConfigurationError) -> KernelConfiguration.Provider {
    _ = try string("name")
    var provider = KernelConfiguration.Provider(type: try self.name("provider_type") ?? name)
    provider.enabled = try bool("enabled") ?? true
    let model = try self.name("model")
    provider.model = try self.name("default_model") ?? model
    provider.apiKeyVariable = try variableName("api_key_env")
    provider.hasKeyInFile = try string("api_key") != nil
    provider.endpoint = try endpoint("base_url")
    provider.maximumTokens = try integer("max_tokens", in: 1...Int64(Int32.max))
    provider.temperature = try number("temperature")
    provider.timeout = try integer("timeout_seconds", in: 1...86_400).map { .seconds($0) }
    provider.maximumRetries = try integer("max_retries", in: 0...1000)
    for key in ["rate_limit", "retry", "options"] { _ = try table(key) }
    try finish()
    return provider
  }
}
