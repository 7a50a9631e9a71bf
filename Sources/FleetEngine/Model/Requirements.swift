// What a client asks of the kernel that it wants.

/// Every requirement that is nil is none.
public struct Requirements: Sendable, Hashable {
  public var language: String?
  public var kernelspec: String?
  /// A name or path; kernels match by the file's name.
  public var config: String?
  public var provider: String?
  public var model: String?
  /// Bytes that the kernel's limit must allow.
  public var memory: Int64?
  public var labels: [String: String]
  public var owner: String?
  /// The same key finds the same kernel again.
  public var session: String?
  /// Through which door the request came: `jupyter`, or nil. No kernel is matched by it.
  public var source: String?
  /// The notebook that the kernel is for, as its client names it. No kernel is matched by it.
  public var path: String?

  public init(
    language: String? = nil, kernelspec: String? = nil, config: String? = nil, provider: String? = nil,
    model: String? = nil, memory: Int64? = nil, labels: [String: String] = [:], owner: String? = nil,
    session: String? = nil, source: String? = nil, path: String? = nil
  ) {
    self.language = language
    self.kernelspec = kernelspec
    self.config = config
    self.provider = provider
    self.model = model
    self.memory = memory
    self.labels = labels
    self.owner = owner
    self.session = session
    self.source = source
    self.path = path
  }

  /// Whether the kernel could serve the request: usable, and no requirement speaks against it.
  public func accepts(_ row: KernelRow) -> Bool {
    func agree(_ wanted: String?, _ actual: String?) -> Bool { wanted == nil || wanted == actual }
    return row.isUsable
      && agree(language, row.language) && agree(kernelspec, row.kernelspec)
      && agree(config.map(Self.fileName), row.config) && agree(provider, row.provider) && agree(model, row.model)
      && agree(owner, row.owner) && memory.map { $0 <= row.memoryLimit ?? .max } ?? true
      && labels.allSatisfy { row.labels[$0.key] == $0.value }
  }

  /// The last component of a path, with the suffix `.toml` if it had none.
  public static func fileName(_ path: String) -> String {
    if path.hasSuffix(".toml"), !path.utf8.contains(0x2F) { return path }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".toml") ? name : name + ".toml"
  }
}
