// Which server answers for a model: its address, its API, and where its key is.
import FleetConfiguration

/// A place that answers questions to a model.
struct ModelService: Sendable, Hashable {
  enum API: Sendable, Hashable {
    /// Chat completions, which most servers speak: https://platform.openai.com/docs/api-reference/chat
    case openAI
    /// Messages: https://docs.anthropic.com/en/api/messages
    case anthropic
  }

  var provider: String
  var api: API
  /// The base URL.
  var address: String
  var keyVariable: String?
  /// Whether a key must be there: not for a server of one's own that no variable was named for.
  var needsKey: Bool
  /// Whether this is OpenAI itself, which has renamed what the servers that are like it have not.
  var isOpenAI: Bool
  var model: String?
  /// For what a call does not say.
  var maximumTokens: Int?
  var temperature: Double?
  var timeout: Duration?
  var retries: Int?

  private static let known: [String: (address: String, variable: String?)] = [
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    "ollama": ("http://127.0.0.1:11434/v1", nil),
  ]

  init(_ model: KernelConfiguration.LanguageModel, file: String) throws(ModelError) {
    let known = ModelService.known[model.provider]
    guard let address = model.endpoint ?? known?.address else {
      throw ModelError(
        "\(file) names no endpoint for the provider \(model.provider), and only those of openai, anthropic and ollama "
          + "are known; add endpoint = \"https://…/v1\"")
    }
    provider = model.provider
    api = model.provider == "anthropic" ? .anthropic : .openAI
    self.address = address
    keyVariable = model.apiKeyVariable ?? (model.endpoint == nil ? known?.variable : nil)
    needsKey = keyVariable != nil
    isOpenAI = model.provider == "openai" && model.endpoint == nil
    self.model = model.model
  }

  init(_ provider: KernelConfiguration.Provider, file: String) throws(ModelError) {
    try self.init(
      .init(
        provider: provider.type, model: provider.model, apiKeyVariable: provider.apiKeyVariable,
        endpoint: provider.endpoint), file: file)
    maximumTokens = provider.maximumTokens
    temperature = provider.temperature
    timeout = provider.timeout
    retries = provider.maximumRetries
    if provider.hasKeyInFile && provider.apiKeyVariable == nil {
      // The text of such a key was not kept when the file was read.
      throw ModelError(
        "\(file) holds the key of \(provider.type) itself; export it as a variable and name that by api_key_env")
    }
  }

  /// The service that a kernel's config names.
  /// - Parameter name: of `[providers.<name>]`; nil for `[llm]` or the default provider.
  init(named name: String?, in configuration: KernelConfiguration) throws(ModelError) {
    if let name {
      guard let provider = configuration.providers[name], provider.enabled else {
        throw ModelError("the kernel's config has no [providers.\(name)] that is enabled")
      }
      try self.init(provider, file: configuration.file)
      return
    }
    guard let model = configuration.llm else {
      throw ModelError(
        "this kernel's config names no language model; start one with fleet spawn --config openai, anthropic or "
          + "local, or with a file that has [llm]")
    }
    // llmspell's default provider is in both forms; only its own tells the sampling and the time.
    let same = configuration.providers.values.first {
      $0.enabled && $0.type == model.provider && $0.model == model.model && $0.endpoint == model.endpoint
    }
    if let same {
      try self.init(same, file: configuration.file)
    } else {
      try self.init(model, file: configuration.file)
    }
  }

  /// The address for people, without a password that it may hold.
  var place: String {
    let parts = address.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let at = parts[2].prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return address }
    return "\(parts[0])//\(parts[2][parts[2].index(after: at)...])"
  }

  /// Where requests go.
  var url: String {
    var base = address
    while base.hasSuffix("/") { base.removeLast() }
    let call = api == .anthropic ? "/messages" : "/chat/completions"
    if base.hasSuffix(call) { return base }
    // A server without a path is one whose API is at the usual place.
    let hasVersion = base.split(separator: "/", maxSplits: 2).count > 2
    return base + (hasVersion ? call : "/v1" + call)
  }

  /// The key; nil if none is needed.
  func key() throws(ModelError) -> String? {
    guard let keyVariable else { return nil }
    if let key = FilePath.environment(keyVariable) {
      guard key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
        throw ModelError("the key in \(keyVariable) holds a space or a character that no key has; export it again")
      }
      return key
    }
    guard needsKey else { return nil }
    throw ModelError(
      "the environment variable \(keyVariable), which holds the key of \(provider), is not set in this kernel; "
        + "export it and start the kernel again")
  }

  func headers(key: String?) -> [String] {
    var lines = ["Content-Type: application/json", "Expect:"]
    switch api {
    case .openAI:
      if let key { lines.append("Authorization: Bearer \(key)") }
    case .anthropic:
      lines.append("anthropic-version: 2023-06-01")
      if let key { lines.append("x-api-key: \(key)") }
    }
    return lines
  }
}
